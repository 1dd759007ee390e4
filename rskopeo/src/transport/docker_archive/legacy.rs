//! What Docker before 1.10 and tools of its time read instead of `manifest.json`: a directory for each layer, named by an id that
//! hangs on its parent's (Docker image specification 1.0), and `repositories`.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::value::{RawValue, to_raw_value};

use crate::digest::Digest;
use crate::go_json;
use crate::manifest::chain_ids;
use crate::reference::Name;
use crate::transport::tar_file::TarWriter;

/// The fields of the image's config that its top layer has too.
const TOP_FIELDS: [&str; 7] = [
    "architecture",
    "config",
    "container",
    "container_config",
    "created",
    "docker_version",
    "os",
];

/// Writes a directory for each layer; gives the top layer's id, empty if there is no layer.
pub fn write_layers(tar: &mut TarWriter, layers: &[&Digest], config: &[u8]) -> Result<String> {
    let mut config: BTreeMap<String, Box<RawValue>> =
        serde_json::from_slice(config).context("parsing image configuration")?;
    let chain_ids = chain_ids(layers.iter().copied());
    let mut parent: Option<String> = None;
    for (index, (layer, chain_id)) in layers.iter().zip(&chain_ids).enumerate() {
        let mut fields: BTreeMap<&str, Box<RawValue>> = BTreeMap::new();
        if let Some(parent) = &parent {
            fields.insert("parent", to_raw_value(parent)?);
        }
        if index + 1 == layers.len() {
            for field in TOP_FIELDS {
                let value = config.remove(field).map_or_else(|| to_raw_value(&()), Ok)?;
                fields.insert(field, value);
            }
        }
        fields.insert("layer_id", to_raw_value(chain_id)?);
        let id = Digest::sha256(go_json::compact(&fields)?.as_bytes());
        let id = id.hex().to_owned();
        fields.remove("layer_id");
        fields.insert("id", to_raw_value(&id)?);
        let blob = format!("../{}.tar", layer.hex());
        tar.symlink(&format!("{id}/layer.tar"), &blob)?;
        tar.bytes(&format!("{id}/VERSION"), b"1.0")?;
        let json = go_json::compact(&fields)?;
        tar.bytes(&format!("{id}/json"), json.as_bytes())?;
        parent = Some(id);
    }
    Ok(parent.unwrap_or_default())
}

/// `{"repository":{"tag":"top layer's id"}}`
pub fn write_repositories(tar: &mut TarWriter, names: &[Name], top: &str) -> Result<()> {
    let mut repositories: BTreeMap<String, BTreeMap<&str, &str>> = BTreeMap::new();
    for name in names {
        let tag = name.tag.as_deref().unwrap_or("latest");
        let tags = repositories.entry(name.repository()).or_default();
        tags.insert(tag, top);
    }
    tar.bytes("repositories", go_json::compact(&repositories)?.as_bytes())
}
