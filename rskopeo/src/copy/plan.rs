//! What one image has to become on its way to a destination.

use anyhow::{Context, Result, bail};

use super::Options;
use super::formats::{self, Needs};
use crate::bounds;
use crate::compression::Compression;
use crate::digest::Digest;
use crate::encryption::is_encrypted;
use crate::go_json;
use crate::layer::chunked;
use crate::manifest::{Descriptor, Format, Image, ImageConfig, Replacement};
use crate::transport::{BlobStream, Destination, Layer, LayerForm, Source};

use std::io::Read;

/// The decision, made before any layer is read.
#[derive(Debug)]
pub struct Plan {
    image: Image,
    /// At least one: the others are for registries that do not take the first.
    pub formats: Vec<Format>,
    config: Vec<u8>,
    parsed: Option<ImageConfig>,
    pub form: LayerForm,
    /// Of each layer, whether it is to be encrypted.
    encrypted: Vec<bool>,
    /// Why the manifest must stay what it is, if it must.
    pub fixed: Option<&'static str>,
}

impl Plan {
    pub fn make(
        source: &dyn Source,
        destination: &dyn Destination,
        image: Image,
        fixed: Option<&'static str>,
        options: &Options,
    ) -> Result<Self> {
        let config = read_config(source, &image.config)?;
        let parsed = if image.is_container() {
            Some(ImageConfig::parse(&config)?)
        } else {
            None
        };
        if let Some(parsed) = &parsed
            && parsed.rootfs.diff_ids.len() != image.layers.len()
        {
            let (layers, diff_ids) = (image.layers.len(), parsed.rootfs.diff_ids.len());
            bail!(
                "manifest has {layers} layers but its config {} has {diff_ids} diffIDs",
                image.config.digest
            );
        }
        let form = if parsed.is_some() {
            destination.layer_form()
        } else {
            LayerForm::AsIs
        };
        let encrypted = match &options.encryption {
            Some(encryption) => encryption.chosen(image.layers.len())?,
            None => vec![false; image.layers.len()],
        };
        let stays_encrypted = options.decryption.is_none() && image.layers.iter().any(is_encrypted);
        let unpacks = destination.unpacks_layers();
        if unpacks && (stays_encrypted || encrypted.contains(&true)) {
            bail!(
                "encrypted layers cannot be unpacked: leave out --encryption-key, or give --decryption-key"
            );
        }
        let needs = Needs::of(stays_encrypted || encrypted.contains(&true), options);
        let accepted = formats::accepted(destination, options);
        let formats = formats::candidates(image.format, accepted, fixed, needs, options)?;
        Ok(Self {
            image,
            formats,
            config,
            parsed,
            form,
            encrypted,
            fixed,
        })
    }

    /// Every layer as the source has it, with its place.
    pub fn layers(&self) -> Vec<(Descriptor, Layer)> {
        let diff_ids: &[Digest] = self
            .parsed
            .as_ref()
            .map_or(&[], |config| &config.rootfs.diff_ids);
        let chain_ids = self
            .parsed
            .as_ref()
            .map(ImageConfig::chain_ids)
            .unwrap_or_default();
        let place = |index: usize| Layer {
            index,
            diff_id: diff_ids.get(index).cloned(),
            chain_id: chain_ids.get(index).cloned(),
        };
        self.image
            .layers
            .iter()
            .cloned()
            .enumerate()
            .map(|(index, layer)| (layer, place(index)))
            .collect()
    }

    /// Whether the layer is to be encrypted, and is not yet.
    pub fn encrypts(&self, index: usize, layer: &Descriptor) -> bool {
        self.encrypted.get(index).is_some_and(|chosen| *chosen) && !is_encrypted(layer)
    }

    /// What a layer of compression `actual` becomes; None leaves it as it is.
    /// One that is compressed already changes only if a compression was asked for.
    pub fn change(
        &self,
        actual: Compression,
        layer: &Descriptor,
        options: &Options,
    ) -> Option<Compression> {
        // Its bytes do not tell; what says so in the manifest is of no use without being true.
        let is_chunked = layer.annotations.contains_key(chunked::CHECKSUM);
        match (self.form, actual) {
            (LayerForm::Compressed, Compression::None) => {
                Some(options.compression.unwrap_or(Compression::Gzip))
            }
            (LayerForm::Compressed, _) => options.compression.filter(|wanted| match wanted {
                Compression::ZstdChunked => actual != Compression::Zstd || !is_chunked,
                wanted => *wanted != actual,
            }),
            (LayerForm::Uncompressed, Compression::None) | (LayerForm::AsIs, _) => None,
            (LayerForm::Uncompressed, _) => Some(Compression::None),
        }
    }

    /// The image as it was copied, and its config, in one of the formats.
    pub fn finish(
        &self,
        format: Format,
        layers: &[Option<Replacement>],
    ) -> Result<(Image, Vec<u8>)> {
        let converts = self.image.format != format;
        let mut image = self.image.clone().rewritten(format, layers.to_vec())?;
        let config = match &self.parsed {
            // Docker's configs have fields that OCI's have not; writing it anew drops them.
            Some(parsed) if converts && format == Format::Oci => {
                go_json::compact(parsed)?.into_bytes()
            }
            _ => self.config.clone(),
        };
        if converts {
            image.config.digest = Digest::sha256(&config);
            image.config.size = config.len() as u64;
        }
        Ok((image, config))
    }
}

fn read_config(source: &dyn Source, descriptor: &Descriptor) -> Result<Vec<u8>> {
    if descriptor.size > bounds::max_manifest() {
        return Err(bounds::too_large(format_args!(
            "config {}",
            descriptor.digest
        )));
    }
    let mut bytes = Vec::new();
    let mut stream = BlobStream::verified(source.blob(descriptor)?, descriptor);
    stream
        .read_to_end(&mut bytes)
        .with_context(|| format!("reading config {}", descriptor.digest))?;
    Ok(bytes)
}
