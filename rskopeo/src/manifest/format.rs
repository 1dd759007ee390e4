//! Formats of manifests, and what they call their layers.

use anyhow::{Result, bail};

use super::{
    DOCKER_LAYER, DOCKER_LIST, DOCKER_MANIFEST, DOCKER_SCHEMA1, OCI_INDEX, OCI_LAYER, OCI_MANIFEST,
};
use crate::compression::Compression;
use crate::encryption;

const OCI_FOREIGN: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";
const DOCKER_FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Oci,
    DockerSchema2,
    /// Only ever written, and made of schema 2 last of all (`Made`).
    DockerSchema1,
}

impl Format {
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Oci => OCI_MANIFEST,
            Self::DockerSchema2 => DOCKER_MANIFEST,
            Self::DockerSchema1 => DOCKER_SCHEMA1[1],
        }
    }

    /// Of an index whose instances are of this format.
    pub fn index_type(self) -> &'static str {
        match self {
            Self::Oci => OCI_INDEX,
            Self::DockerSchema2 | Self::DockerSchema1 => DOCKER_LIST,
        }
    }

    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            OCI_MANIFEST => Some(Self::Oci),
            DOCKER_MANIFEST => Some(Self::DockerSchema2),
            _ => None,
        }
    }
}

/// Compression and "foreign" (not to be distributed) of a layer's media type; None for what is not a layer of a container image.
pub fn layer_kind(media_type: &str) -> Option<(Compression, bool)> {
    let (base, foreign) = [
        (OCI_LAYER, false),
        (DOCKER_LAYER, false),
        (OCI_FOREIGN, true),
        (DOCKER_FOREIGN, true),
    ]
    .into_iter()
    .find(|(base, _)| media_type.starts_with(base))?;
    let suffix = &media_type[base.len()..];
    let compression = match suffix.strip_suffix(encryption::SUFFIX).unwrap_or(suffix) {
        "" => Compression::None,
        "+gzip" | ".gzip" => Compression::Gzip,
        "+zstd" | ".zstd" => Compression::Zstd,
        _ => return None,
    };
    Some((compression, foreign))
}

pub(super) fn layer_media_type(
    format: Format,
    compression: Compression,
    foreign: bool,
) -> Result<String> {
    let base = match (format, foreign) {
        (Format::Oci, false) => OCI_LAYER,
        (Format::Oci, true) => OCI_FOREIGN,
        (_, false) => DOCKER_LAYER,
        (_, true) => DOCKER_FOREIGN,
    };
    let suffix = match (format, compression) {
        (_, Compression::None) => "",
        (Format::Oci, Compression::Gzip) => "+gzip",
        (Format::Oci, Compression::Zstd | Compression::ZstdChunked) => "+zstd",
        (_, Compression::Gzip) => ".gzip",
        (_, Compression::Bzip2 | Compression::Xz) => {
            bail!(
                "{} has no name for bzip2 and xz layers",
                format.media_type()
            )
        }
        (_, Compression::Zstd | Compression::ZstdChunked) => {
            bail!(
                "Docker schema 2 has no zstd layers: use --format oci, or --dest-compress-format gzip"
            )
        }
    };
    Ok(format!("{base}{suffix}"))
}
