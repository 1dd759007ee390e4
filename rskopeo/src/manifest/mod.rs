//! Manifests: OCI and Docker images, and the indexes that list them.
//!
//! A manifest is carried as the bytes that its digest is of ([`RawManifest`]) and parsed to be read; it is written anew only when
//! a destination needs another format or other layers ([`Image::serialize`]).

mod config;
mod format;
mod image;
mod index;
mod schema1;
mod wire;

use std::borrow::Cow;
use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::go_json::null_as_default;

pub use config::{History, ImageConfig, Process, RootFs, chain_ids};
pub use format::{Format, layer_kind};
pub use image::{Image, Replacement};
pub use index::Index;
pub use schema1::{EMPTY_LAYER, Made, Schema1};

use schema1::jws;

pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
pub const DOCKER_SCHEMA1: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];

/// A content descriptor (image-spec descriptor.md); its fields are written in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    #[serde(default)]
    pub media_type: String,
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub urls: Vec<String>,
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub annotations: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<PlatformSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

impl Descriptor {
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            data: None,
            platform: None,
            artifact_type: None,
        }
    }
}

/// The platform that an instance of an index is for (image-spec image-index.md).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformSpec {
    #[serde(default)]
    pub architecture: String,
    #[serde(default)]
    pub os: String,
    #[serde(
        default,
        rename = "os.version",
        skip_serializing_if = "Option::is_none"
    )]
    pub os_version: Option<String>,
    #[serde(default, rename = "os.features", skip_serializing_if = "Vec::is_empty")]
    pub os_features: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Docker's lists only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
}

/// A manifest as it was served: the bytes are what its digest is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawManifest {
    pub media_type: String,
    pub bytes: Vec<u8>,
}

impl RawManifest {
    /// Takes bytes whose media type is not told, or not to be trusted (`text/plain` from some servers), and guesses it from them.
    pub fn guess(bytes: Vec<u8>, told: Option<&str>) -> Result<Self> {
        let told = told.map(|told| told.split(';').next().unwrap_or_default().trim());
        let media_type = match told {
            Some(told) if is_known(told) => told.to_owned(),
            _ => guess_media_type(&bytes)?,
        };
        Ok(Self { media_type, bytes })
    }

    /// What names it elsewhere.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(&self.media_type, self.digest(), self.bytes.len() as u64)
    }

    /// SHA-256 of the bytes; see [`Self::digest_of`].
    pub fn digest(&self) -> Digest {
        Self::digest_of(&self.bytes)
    }

    /// SHA-256 of a manifest's bytes; of one of schema 1, without the signatures that it carries in itself.
    pub fn digest_of(bytes: &[u8]) -> Digest {
        Digest::sha256(&digested(bytes))
    }

    /// The bytes that its digest is of, whatever the algorithm; see [`Self::digest_of`].
    pub fn digested(&self) -> Cow<'_, [u8]> {
        digested(&self.bytes)
    }

    /// Checks the bytes against a digest that the caller has from elsewhere.
    pub fn verify(&self, expected: &Digest) -> Result<()> {
        let mut hasher = expected.hasher();
        hasher.update(&self.digested());
        let actual = hasher.finish();
        if actual != *expected {
            bail!(
                "Manifest does not match provided manifest digest {expected} (its bytes have {actual})"
            );
        }
        Ok(())
    }

    pub fn is_index(&self) -> bool {
        self.media_type == OCI_INDEX || self.media_type == DOCKER_LIST
    }

    pub fn is_schema1(&self) -> bool {
        DOCKER_SCHEMA1.contains(&self.media_type.as_str())
    }
}

fn digested(bytes: &[u8]) -> Cow<'_, [u8]> {
    jws::payload(bytes).unwrap_or(Cow::Borrowed(bytes))
}

fn is_known(media_type: &str) -> bool {
    [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST].contains(&media_type)
        || DOCKER_SCHEMA1.contains(&media_type)
}

fn guess_media_type(bytes: &[u8]) -> Result<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Shape {
        schema_version: Option<u32>,
        media_type: Option<String>,
        manifests: Option<serde::de::IgnoredAny>,
        config: Option<Config>,
        signatures: Option<serde::de::IgnoredAny>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        media_type: Option<String>,
    }
    let Ok(shape) = serde_json::from_slice::<Shape>(bytes) else {
        bail!("manifest is not JSON of a known kind");
    };
    Ok(match shape {
        Shape {
            media_type: Some(media_type),
            ..
        } if is_known(&media_type) => media_type,
        Shape {
            schema_version: Some(1),
            signatures: Some(_),
            ..
        } => DOCKER_SCHEMA1[1].to_owned(),
        Shape {
            schema_version: Some(1),
            ..
        } => DOCKER_SCHEMA1[0].to_owned(),
        Shape {
            schema_version: Some(2),
            manifests: Some(_),
            ..
        } => OCI_INDEX.to_owned(),
        Shape {
            schema_version: Some(2),
            config: Some(config),
            ..
        } => {
            let docker = config.media_type.as_deref() == Some(DOCKER_CONFIG);
            if docker {
                DOCKER_MANIFEST
            } else {
                OCI_MANIFEST
            }
            .to_owned()
        }
        _ => bail!("manifest has no media type and is of no known shape"),
    })
}
