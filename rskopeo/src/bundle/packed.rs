//! An image made of another one and a layer more: what `pack` copies to its destination.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Cursor, Read, Write};

use anyhow::{Context, Result, bail};
use serde_json::value::{RawValue, to_raw_value};

use crate::digest::{Digest, Hasher};
use crate::go_json;
use crate::manifest::{DOCKER_LAYER, Descriptor, Format, History, Image, OCI_LAYER, RawManifest};
use crate::transport::{BlobStream, Section, Source};

/// A new layer, uncompressed, in a file without a name.
#[derive(Debug)]
pub struct Layer {
    content: Section,
    diff_id: Digest,
}

/// A [`Source`] of the new image.
pub struct Packed<'a> {
    base: &'a dyn Source,
    layer: Option<Layer>,
    config: (Digest, Vec<u8>),
    manifest: RawManifest,
}

impl Layer {
    /// Takes what `write` writes.
    pub fn spooled<T>(
        file: File,
        write: impl FnOnce(&mut dyn Write) -> Result<T>,
    ) -> Result<(Self, T)> {
        let mut output = Hashing {
            hasher: Hasher::sha256(),
            size: 0,
            file: BufWriter::with_capacity(128 * 1024, file),
        };
        let told = write(&mut output)?;
        let Hashing { hasher, size, file } = output;
        let file = file.into_inner().context("writing the layer")?;
        let layer = Self {
            content: Section::whole(file, size),
            diff_id: hasher.finish(),
        };
        Ok((layer, told))
    }
}

impl<'a> Packed<'a> {
    /// The image `base` of manifest `raw`, with `layer` on top.
    pub fn new(
        base: &'a dyn Source,
        raw: &RawManifest,
        layer: Option<Layer>,
        history: Option<History>,
    ) -> Result<Self> {
        let mut image = Image::parse(raw)?;
        let config = BlobStream::verified(base.blob(&image.config)?, &image.config)
            .into_bytes()
            .with_context(|| format!("reading config {}", image.config.digest))?;
        let config = extended(&config, layer.as_ref(), history, image.layers.len())?;
        let digest = Digest::sha256(&config);
        image.config.digest = digest.clone();
        image.config.size = config.len() as u64;
        // A copy of the old config.
        image.config.data = None;
        if let Some(layer) = &layer {
            let media_type = match image.format {
                Format::Oci => OCI_LAYER,
                Format::DockerSchema2 | Format::DockerSchema1 => DOCKER_LAYER,
            };
            let (diff_id, size) = (layer.diff_id.clone(), layer.content.len());
            image
                .layers
                .push(Descriptor::new(media_type, diff_id, size));
        }
        Ok(Self {
            base,
            layer,
            config: (digest, config),
            manifest: image.serialize()?,
        })
    }
}

impl Source for Packed<'_> {
    fn manifest(&self, instance: Option<&Digest>) -> Result<RawManifest> {
        match instance {
            Some(digest) => bail!("the packed image has no instance {digest}"),
            None => Ok(self.manifest.clone()),
        }
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send>> {
        let (config, bytes) = &self.config;
        match &self.layer {
            _ if descriptor.digest == *config => Ok(Box::new(Cursor::new(bytes.clone()))),
            Some(layer) if layer.diff_id == descriptor.digest => {
                Ok(Box::new(layer.content.clone()))
            }
            _ => self.base.blob(descriptor),
        }
    }

    fn keep_until_done(&self, layer: &Descriptor) {
        let is_new = |new: &Layer| new.diff_id == layer.digest;
        if !self.layer.as_ref().is_some_and(is_new) {
            self.base.keep_until_done(layer);
        }
    }

    fn came(&self, layer: &Descriptor) {
        self.base.came(layer);
    }

    fn done(&self) {
        self.base.done();
    }
}

/// The configuration with one diffID and one line of history more; all else stays as it is, known or not.
fn extended(
    config: &[u8],
    layer: Option<&Layer>,
    history: Option<History>,
    layers: usize,
) -> Result<Vec<u8>> {
    type Object = BTreeMap<String, Box<RawValue>>;
    let mut config: Object =
        serde_json::from_slice(config).context("parsing image configuration")?;
    if let Some(layer) = layer {
        let rootfs = config.get("rootfs").context("the image has no rootfs")?;
        let mut rootfs: Object = serde_json::from_str(rootfs.get())?;
        let mut diff_ids: Vec<Digest> = match rootfs.get("diff_ids") {
            Some(diff_ids) => serde_json::from_str(diff_ids.get())?,
            None => Vec::new(),
        };
        diff_ids.push(layer.diff_id.clone());
        rootfs.insert("diff_ids".to_owned(), to_raw_value(&diff_ids)?);
        config.insert("rootfs".to_owned(), to_raw_value(&rootfs)?);
    }
    if let Some(history) = history {
        let mut lines: Vec<Box<RawValue>> = match config.get("history") {
            Some(lines) => serde_json::from_str::<Option<_>>(lines.get())?.unwrap_or_default(),
            None => Vec::new(),
        };
        if lines.is_empty() {
            // Each layer has a line, or none has.
            let unknown = to_raw_value(&serde_json::json!({}))?;
            lines.resize(layers, unknown);
        }
        lines.push(to_raw_value(&history)?);
        config.insert("history".to_owned(), to_raw_value(&lines)?);
    }
    Ok(go_json::compact(&config)?.into_bytes())
}

struct Hashing {
    hasher: Hasher,
    size: u64,
    file: BufWriter<File>,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        self.size += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
