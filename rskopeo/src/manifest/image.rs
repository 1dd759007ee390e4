//! A single image's manifest, of either format.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use super::format::layer_media_type;
use super::wire::{Oci, Parsed, Schema2};
use super::{
    DOCKER_CONFIG, DOCKER_MANIFEST, Descriptor, Format, OCI_CONFIG, OCI_MANIFEST, RawManifest,
    layer_kind,
};
use crate::compression::Compression;
use crate::digest::Digest;
use crate::encryption;
use crate::layer::chunked;

/// The parsed manifest of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub format: Format,
    pub config: Descriptor,
    /// The base layer first.
    pub layers: Vec<Descriptor>,
    /// Of what is no container image.
    artifact_type: Option<String>,
    /// The manifest that this one refers to.
    subject: Option<Descriptor>,
    annotations: BTreeMap<String, String>,
    /// Whether the manifest itself names its media type; kept so that writing it anew changes nothing more than is needed.
    names_itself: bool,
}

/// What a layer was recompressed to.
#[derive(Clone, Debug)]
pub struct Replacement {
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    pub compression: Compression,
    pub is_encrypted: bool,
    /// Those that the new form brings; those of the old form go.
    pub annotations: BTreeMap<String, String>,
}

impl Image {
    /// # Errors
    /// The manifest is not an image's, is of schema 1 (which has no config), or contradicts its own media type.
    pub fn parse(manifest: &RawManifest) -> Result<Self> {
        let Some(format) = Format::of(&manifest.media_type) else {
            bail!(
                "{} is not the media type of an image manifest",
                manifest.media_type
            );
        };
        let parsed: Parsed = serde_json::from_slice(&manifest.bytes)
            .with_context(|| format!("parsing manifest of type {}", manifest.media_type))?;
        if parsed.schema_version != 2 {
            bail!(
                "manifest has schemaVersion {}, expected 2",
                parsed.schema_version
            );
        }
        if let Some(inner) = parsed.media_type.as_deref()
            && !inner.is_empty()
            && inner != manifest.media_type
        {
            bail!(
                "manifest was served as {} but says {inner} itself",
                manifest.media_type
            );
        }
        Ok(Self {
            format,
            config: parsed.config,
            layers: parsed.layers,
            artifact_type: parsed.artifact_type,
            subject: parsed.subject,
            annotations: parsed.annotations,
            names_itself: parsed.media_type.is_some_and(|inner| !inner.is_empty()),
        })
    }

    /// An image of schema 2 that nobody has written yet.
    pub fn docker(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            format: Format::DockerSchema2,
            config,
            layers,
            artifact_type: None,
            subject: None,
            annotations: BTreeMap::new(),
            names_itself: true,
        }
    }

    /// Whether the config is a container image's, with diffIDs for the layers.
    pub fn is_container(&self) -> bool {
        [OCI_CONFIG, DOCKER_CONFIG].contains(&self.config.media_type.as_str())
    }

    /// The same image in `format`, with what became of its layers on the way; `replaced` has one entry a layer, or none at all.
    /// Media types follow; annotations exist in OCI only.
    pub fn rewritten(mut self, format: Format, replaced: Vec<Option<Replacement>>) -> Result<Self> {
        let format = match format {
            Format::Oci => Format::Oci,
            Format::DockerSchema1 | Format::DockerSchema2 => Format::DockerSchema2,
        };
        let converts = self.format != format;
        if converts && !self.is_container() {
            bail!(
                "an artifact with config type {} cannot be converted to {}",
                self.config.media_type,
                format.media_type()
            );
        }
        let mut replaced = replaced.into_iter();
        for layer in &mut self.layers {
            let replacement = replaced.next().flatten();
            if !converts && replacement.is_none() {
                continue;
            }
            let (told, foreign) = layer_kind(&layer.media_type).with_context(|| {
                format!(
                    "layer {} has unknown media type {}",
                    layer.digest, layer.media_type
                )
            })?;
            let compression = replacement.as_ref().map_or(told, |new| new.compression);
            layer.media_type = layer_media_type(format, compression, foreign)?;
            if converts {
                layer.annotations.clear();
            }
            if let Some(new) = replacement {
                layer.digest = new.digest;
                layer.size = new.size;
                if new.is_encrypted {
                    layer.media_type += encryption::SUFFIX;
                }
                layer.annotations.retain(|name, _| {
                    let of_old_form = [chunked::ANNOTATIONS, encryption::ANNOTATIONS];
                    !of_old_form.iter().any(|prefix| name.starts_with(prefix))
                });
                layer.annotations.extend(new.annotations);
                layer.data = None;
            }
        }
        if converts {
            self.config.media_type = match format {
                Format::Oci => OCI_CONFIG,
                Format::DockerSchema1 | Format::DockerSchema2 => DOCKER_CONFIG,
            }
            .to_owned();
            self.artifact_type = None;
            self.subject = None;
            self.annotations.clear();
            self.names_itself = true;
            self.format = format;
        }
        Ok(self)
    }

    /// The manifest anew, as skopeo writes it: fields in its order, no spaces.
    pub fn serialize(&self) -> Result<RawManifest> {
        let bytes = match self.format {
            Format::Oci => serde_json::to_vec(&Oci {
                schema_version: 2,
                media_type: self.names_itself.then_some(OCI_MANIFEST),
                artifact_type: &self.artifact_type,
                config: &self.config,
                layers: &self.layers,
                subject: &self.subject,
                annotations: &self.annotations,
            }),
            Format::DockerSchema1 | Format::DockerSchema2 => serde_json::to_vec(&Schema2 {
                schema_version: 2,
                media_type: DOCKER_MANIFEST,
                config: (&self.config).into(),
                layers: self.layers.iter().map(Into::into).collect(),
            }),
        }?;
        Ok(RawManifest {
            media_type: self.format.media_type().to_owned(),
            bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn sample() -> RawManifest {
        let layer = |n: u8| {
            Descriptor::new(
                "application/vnd.oci.image.layer.v1.tar+gzip",
                Digest::sha256(&[n]),
                10,
            )
        };
        let image = Image {
            format: Format::Oci,
            config: Descriptor::new(OCI_CONFIG, Digest::sha256(b"config"), 2),
            layers: vec![layer(1), layer(2)],
            artifact_type: None,
            subject: None,
            annotations: BTreeMap::new(),
            names_itself: false,
        };
        image.serialize().unwrap()
    }

    #[test]
    fn conversion_there_and_back() {
        let raw = sample();
        let image = Image::parse(&raw).unwrap();
        let docker = image
            .clone()
            .rewritten(Format::DockerSchema2, Vec::new())
            .unwrap();
        assert_eq!(
            docker.layers[0].media_type,
            "application/vnd.docker.image.rootfs.diff.tar.gzip"
        );
        let serialized = docker.serialize().unwrap();
        let again = Image::parse(&serialized)
            .unwrap()
            .rewritten(Format::Oci, Vec::new())
            .unwrap();
        assert_eq!(again.layers, image.layers);
        assert_eq!(image.serialize().unwrap(), raw);
    }

    #[test]
    fn media_type_is_guessed() {
        let raw = sample();
        assert_eq!(RawManifest::guess(raw.bytes.clone(), None).unwrap(), raw);
        assert_eq!(
            RawManifest::guess(raw.bytes.clone(), Some("text/plain")).unwrap(),
            raw
        );
        assert!(RawManifest::guess(b"<html>".to_vec(), Some("text/html")).is_err());
        assert!(RawManifest::guess(b"{}".to_vec(), None).is_err());
    }

    #[test]
    fn zstd_has_no_place_in_schema_2() {
        let image = Image::parse(&sample()).unwrap();
        let to = |compression| {
            let new = Replacement {
                digest: Digest::sha256(b"z"),
                size: 1,
                compression,
                is_encrypted: false,
                annotations: BTreeMap::new(),
            };
            vec![Some(new), None]
        };
        let zstd = image
            .clone()
            .rewritten(Format::Oci, to(Compression::Zstd))
            .unwrap();
        assert!(zstd.layers[0].media_type.ends_with("tar+zstd"));
        assert!(
            zstd.clone()
                .rewritten(Format::DockerSchema2, Vec::new())
                .is_err()
        );
        let plain = zstd
            .rewritten(Format::DockerSchema2, to(Compression::None))
            .unwrap();
        assert!(plain.layers[0].media_type.ends_with(".tar"));
        assert_eq!(plain.layers[0].size, 1);
    }

    proptest! {
        #[test]
        fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = RawManifest::guess(bytes.clone(), None);
            let _ = Image::parse(&RawManifest { media_type: OCI_MANIFEST.to_owned(), bytes });
        }
    }
}
