//! New images in the store: blobs, a configuration, a manifest, a name.
//!
//! Only the last step, the entry in `index.json`, makes an image of its blobs. The caller holds the lock of
//! [`crate::engine::container::create::lock_images`].

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};

use super::{Image, manifest};
use crate::engine::Context;
use crate::engine::layout::{Blob, Layout, hex};
use crate::store::Store;

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

/// What a new image stands on: the raw configuration and the layers of its manifest.
#[derive(Debug, Default)]
pub struct Base {
    pub config: Value,
    pub layers: Vec<Value>,
    /// Of the new manifest.
    pub annotations: BTreeMap<String, String>,
}

impl Base {
    /// An image of the store, with all that its configuration says, known to rpod or not.
    pub fn of(store: &Store, image: &Image) -> Result<Base> {
        let manifest: Value = manifest::read(store, &image.digest)?;
        let config = manifest["config"]["digest"].as_str().unwrap_or_default();
        Ok(Base {
            config: manifest::read(store, config)?,
            layers: manifest["layers"].as_array().cloned().unwrap_or_default(),
            annotations: BTreeMap::new(),
        })
    }
}

/// What is told on standard error meanwhile: podman's words for a copy.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    pub quiet: bool,
}

impl Told {
    /// Before the first byte is read.
    pub fn begin(self) {
        self.say("Getting image source signatures");
    }

    fn say(self, words: &str) {
        if !self.quiet {
            eprintln!("{words}");
        }
    }
}

/// Puts the image of a base and one more, uncompressed layer into the store, under a name if it has one. Its id is the answer.
pub fn put_image(
    ctx: &Context,
    base: Base,
    layer: &Blob,
    kind: Kind,
    name: Option<&str>,
    told: Told,
) -> Result<String> {
    let Base {
        mut config,
        mut layers,
        annotations,
    } = base;
    let diff_ids = &mut config["rootfs"]["diff_ids"];
    match diff_ids.as_array_mut() {
        Some(ids) => ids.push(json!(layer.digest)),
        None => *diff_ids = json!([layer.digest]),
    }
    for id in config["rootfs"]["diff_ids"]
        .as_array()
        .into_iter()
        .flatten()
    {
        told.say(&format!("Copying blob {}", id.as_str().unwrap_or_default()));
    }
    config["rootfs"]["type"] = json!("layers");
    for below in &mut layers {
        below["mediaType"] = json!(kind.layer(below["mediaType"].as_str().unwrap_or_default()));
    }
    layers.push(
        json!({ "mediaType": kind.plain_layer(), "digest": layer.digest, "size": layer.size }),
    );
    let layout = Layout::images(&ctx.store);
    let config = layout.put_json(&config)?;
    told.say(&format!("Copying config {}", config.digest));
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": kind.manifest(),
        "config": { "mediaType": kind.config(), "digest": config.digest, "size": config.size },
        "layers": layers,
    });
    if !annotations.is_empty() {
        manifest["annotations"] = json!(annotations);
    }
    told.say("Writing manifest to image destination");
    let manifest = layout.put_json(&manifest)?;
    layout.edit(|index| {
        index.put(kind.manifest(), &manifest.digest, manifest.size);
        name.map_or(Ok(()), |name| index.add_name(&manifest.digest, name))
    })?;
    Ok(hex(&config.digest)?.to_owned())
}
