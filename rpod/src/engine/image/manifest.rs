//! Manifests and configurations, read from the blobs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::Image;
use crate::engine::layout::{Index, Layout, hex};
use crate::store::Store;

/// An image manifest of OCI or of Docker's schema 2, which have the same shape.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    #[serde(default)]
    media_type: Option<String>,
    pub(super) config: Blob,
    #[serde(default)]
    pub(super) layers: Vec<Blob>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Blob {
    pub(super) digest: String,
    #[serde(default)]
    pub(super) size: Option<u64>,
}

/// The image configuration: image-spec, config.md.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ImageConfig {
    pub created: Option<String>,
    pub author: String,
    pub architecture: String,
    pub os: String,
    pub variant: String,
    pub config: Option<ContainerConfig>,
    pub rootfs: RootFs,
    pub history: Vec<Value>,
    pub docker_version: String,
    pub comment: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RootFs {
    #[serde(rename = "type")]
    pub kind: String,
    pub diff_ids: Vec<String>,
}

/// What a container of the image starts with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ContainerConfig {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposed_ports: Option<BTreeMap<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volumes: Option<BTreeMap<String, Value>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Map<String, Value>>,
}

/// The image whose manifest has that digest.
pub(super) fn load(store: &Store, index: &Index, digest: &str) -> Result<Image> {
    let manifest = manifest(store, digest)?;
    let config: ImageConfig = read(store, &manifest.config.digest)?;
    let layers = chain_ids(&config.rootfs.diff_ids)?;
    Ok(Image {
        id: hex(&manifest.config.digest)?.to_owned(),
        names: index.names_of(digest),
        names_history: index.names_history_of(digest),
        digest: digest.to_owned(),
        index_digest: index.index_digest_of(digest),
        media_type: manifest
            .media_type
            .unwrap_or_else(|| "application/vnd.oci.image.manifest.v1+json".to_owned()),
        annotations: manifest.annotations,
        config,
        layers,
        store: store.clone(),
    })
}

/// The id of the image whose manifest has that digest.
pub(super) fn id(store: &Store, digest: &str) -> Result<String> {
    Ok(hex(&manifest(store, digest)?.config.digest)?.to_owned())
}

pub(super) fn manifest(store: &Store, digest: &str) -> Result<Manifest> {
    read(store, digest)
}

pub(super) fn read<T: DeserializeOwned>(store: &Store, digest: &str) -> Result<T> {
    Layout::images(store).read(digest)
}

pub(super) fn blob(store: &Store, digest: &str) -> Result<PathBuf> {
    Layout::images(store).blob(digest)
}

/// chainIDs of a stack of layers (image-spec, config.md, "Layer ChainID"), in hex.
fn chain_ids(diff_ids: &[String]) -> Result<Vec<String>> {
    let mut chain: Vec<String> = Vec::with_capacity(diff_ids.len());
    for diff_id in diff_ids {
        let next = match chain.last() {
            None => hex(diff_id)?.to_owned(),
            Some(below) => {
                let digest = Sha256::digest(format!("sha256:{below} {diff_id}"));
                digest.iter().map(|byte| format!("{byte:02x}")).collect()
            }
        };
        chain.push(next);
    }
    Ok(chain)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn chains_layers() {
        let (a, b) = (
            format!("sha256:{}", "a".repeat(64)),
            format!("sha256:{}", "b".repeat(64)),
        );
        let chain = chain_ids(&[a.clone(), b.clone()]).unwrap();
        let expected: String = Sha256::digest(format!("{a} {b}"))
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(chain, ["a".repeat(64), expected]);
        assert!(chain_ids(&["sha256:../../etc".to_owned()]).is_err());
    }
}
