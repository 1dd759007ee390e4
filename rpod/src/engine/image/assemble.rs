//! New images in the store: blobs, a configuration, a manifest, a name.
//!
//! A blob is written under a `.tmp-` name, locked by its writer, synced, and renamed to its digest. Only the last step, the entry in
//! `index.json`, makes an image of them: a process killed before leaves what the next sweep takes away. The caller holds the lock
//! of [`crate::engine::container::create::lock_images`].

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Image, index, manifest};
use crate::engine::Context;
use crate::store::{Store, id};

/// Which of the two kinds of manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Oci,
    Docker,
}

impl Kind {
    fn manifest(self) -> &'static str {
        match self {
            Kind::Oci => "application/vnd.oci.image.manifest.v1+json",
            Kind::Docker => "application/vnd.docker.distribution.manifest.v2+json",
        }
    }

    fn config(self) -> &'static str {
        match self {
            Kind::Oci => "application/vnd.oci.image.config.v1+json",
            Kind::Docker => "application/vnd.docker.container.image.v1+json",
        }
    }

    fn plain_layer(self) -> &'static str {
        match self {
            Kind::Oci => "application/vnd.oci.image.layer.v1.tar",
            Kind::Docker => "application/vnd.docker.image.rootfs.diff.tar",
        }
    }

    /// A layer's media type as this kind of manifest has it.
    fn layer(self, media_type: &str) -> String {
        if media_type.ends_with("gzip") {
            match self {
                Kind::Oci => "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
                Kind::Docker => "application/vnd.docker.image.rootfs.diff.tar.gzip".to_owned(),
            }
        } else if media_type.ends_with("zstd") {
            "application/vnd.oci.image.layer.v1.tar+zstd".to_owned()
        } else {
            self.plain_layer().to_owned()
        }
    }
}

/// A blob of the store.
#[derive(Clone, Debug)]
pub struct Blob {
    /// `sha256:…`
    pub digest: String,
    pub size: u64,
}

/// Writes a blob; its name is known once it is written.
pub fn put_blob(store: &Store, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<Blob> {
    let blobs = store.images().join("blobs/sha256");
    fs::create_dir_all(&blobs).with_context(|| format!("making {}", blobs.display()))?;
    let layout = store.images().join("oci-layout");
    if !layout.exists() {
        fs::write(&layout, r#"{"imageLayoutVersion":"1.0.0"}"#)
            .with_context(|| format!("writing {}", layout.display()))?;
    }
    let temporary = blobs.join(format!(".tmp-{}", id::new()?));
    let written = write_blob(&temporary, &blobs, write);
    if written.is_err() {
        // What failed is the error; a temporary file that stays is swept.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_blob(
    temporary: &Path,
    blobs: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<Blob> {
    let context = || format!("writing {}", temporary.display());
    let file = File::create_new(temporary).with_context(context)?;
    file.lock().with_context(context)?;
    let mut out = Hashing {
        out: BufWriter::with_capacity(1 << 20, file),
        hash: Sha256::new(),
        size: 0,
    };
    write(&mut out)?;
    let Hashing { out, hash, size } = out;
    let file = out
        .into_inner()
        .map_err(io::IntoInnerError::into_error)
        .with_context(context)?;
    file.sync_all().with_context(context)?;
    let hex: String = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    fs::rename(temporary, blobs.join(&hex)).with_context(context)?;
    Ok(Blob {
        digest: format!("sha256:{hex}"),
        size,
    })
}

struct Hashing<W> {
    out: W,
    hash: Sha256,
    size: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(bytes)?;
        self.hash.update(&bytes[..taken]);
        self.size += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What a new image stands on: the raw configuration and the layers of its manifest.
#[derive(Debug, Default)]
pub struct Base {
    pub config: Value,
    pub layers: Vec<Value>,
}

impl Base {
    /// An image of the store, with all that its configuration says, known to rpod or not.
    pub fn of(store: &Store, image: &Image) -> Result<Base> {
        let manifest: Value = manifest::read(store, &image.digest)?;
        let config = manifest["config"]["digest"].as_str().unwrap_or_default();
        Ok(Base {
            config: manifest::read(store, config)?,
            layers: manifest["layers"].as_array().cloned().unwrap_or_default(),
        })
    }
}

/// Puts the image of a base and one more, uncompressed layer into the store, under a name if it has one. Its id is the answer.
pub fn put_image(
    ctx: &Context,
    base: Base,
    layer: &Blob,
    kind: Kind,
    name: Option<&str>,
) -> Result<String> {
    let Base {
        mut config,
        mut layers,
    } = base;
    let diff_ids = &mut config["rootfs"]["diff_ids"];
    match diff_ids.as_array_mut() {
        Some(ids) => ids.push(json!(layer.digest)),
        None => *diff_ids = json!([layer.digest]),
    }
    config["rootfs"]["type"] = json!("layers");
    for below in &mut layers {
        below["mediaType"] = json!(kind.layer(below["mediaType"].as_str().unwrap_or_default()));
    }
    layers.push(
        json!({ "mediaType": kind.plain_layer(), "digest": layer.digest, "size": layer.size }),
    );
    let config = put_json(&ctx.store, &config)?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": kind.manifest(),
        "config": { "mediaType": kind.config(), "digest": config.digest, "size": config.size },
        "layers": layers,
    });
    let manifest = put_json(&ctx.store, &manifest)?;
    index::edit(&ctx.store, |index| {
        index.put(kind.manifest(), &manifest.digest, manifest.size);
        name.map_or(Ok(()), |name| index.add_name(&manifest.digest, name))
    })?;
    Ok(manifest::hex(&config.digest)?.to_owned())
}

fn put_json(store: &Store, value: &Value) -> Result<Blob> {
    put_blob(store, |out| Ok(serde_json::to_writer(out, value)?))
}
