//! Docker's schema 1: the layers by digest alone, the newest first, each with a line of history in an escaped JSON text; the
//! first of these is also the image's configuration. The document carries its own signature ([`jws`]).
//!
//! Nothing tells how large a layer is or what its diffID is. Both come from reading it, so an image of this form is read whole
//! before it is written in another.

mod config;
pub(super) mod jws;
mod made;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::RawManifest;
use crate::digest::Digest;
use crate::reference::Name;

pub use made::{EMPTY_LAYER, Made};

/// A parsed manifest; its fields are written in this order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schema1 {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub tag: String,
    #[serde(default)]
    pub architecture: String,
    /// The newest first, as `history`.
    fs_layers: Vec<FsLayer>,
    history: Vec<Text>,
    schema_version: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FsLayer {
    blob_sum: Digest,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Text {
    v1_compatibility: String,
}

/// What a text of history says of one layer.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Step {
    #[serde(default)]
    id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    parent: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    comment: String,
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    container_config: Command,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    author: String,
    /// The layer has nothing in it: only the configuration changed.
    #[serde(
        default,
        rename = "throwaway",
        skip_serializing_if = "std::ops::Not::not"
    )]
    is_empty: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Command {
    #[serde(
        default,
        rename = "Cmd",
        deserialize_with = "crate::go_json::null_as_default"
    )]
    command: Vec<String>,
}

impl Schema1 {
    /// # Errors
    /// It is not of schema 1, or its history is no chain: each layer names the one below it.
    pub fn parse(manifest: &RawManifest) -> Result<Self> {
        let parse = || {
            let mut parsed: Self = serde_json::from_slice(&manifest.bytes)?;
            if parsed.schema_version != 1 {
                bail!("unsupported schema version {}", parsed.schema_version);
            }
            parsed.drop_repetitions()?;
            Ok(parsed)
        };
        parse().with_context(|| format!("parsing manifest of type {}", manifest.media_type))
    }

    /// Old builders repeat a layer; the older of two neighbours with one id goes.
    fn drop_repetitions(&mut self) -> Result<()> {
        let steps = self.steps()?;
        let mut seen = std::collections::HashSet::new();
        let mut kept = vec![true; steps.len()];
        for (n, step) in steps.iter().enumerate() {
            if step.id.len() != 64 || !step.id.bytes().all(|b| b.is_ascii_hexdigit()) {
                bail!("image ID {:?} is invalid", step.id);
            }
            match steps.get(n + 1) {
                Some(below) if below.id == step.id => kept[n] = false,
                Some(below) if below.id != step.parent => bail!(
                    "Invalid parent ID. Expected {}, got {:?}",
                    below.id,
                    step.parent
                ),
                None if !step.parent.is_empty() => {
                    bail!("Invalid parent ID in the base layer of the image")
                }
                _ => {}
            }
            if kept[n] && !seen.insert(&step.id) {
                bail!("ID {} appears multiple times in manifest", step.id);
            }
        }
        let mut keep = kept.iter().copied();
        self.fs_layers.retain(|_| keep.next().unwrap_or(false));
        let mut keep = kept.iter().copied();
        self.history.retain(|_| keep.next().unwrap_or(false));
        Ok(())
    }

    /// What the history says, the newest first; there is at least one.
    fn steps(&self) -> Result<Vec<Step>> {
        if self.fs_layers.len() != self.history.len() {
            bail!(
                "length of history ({}) not equal to number of layers ({})",
                self.history.len(),
                self.fs_layers.len()
            );
        }
        if self.history.is_empty() {
            bail!("no FSLayers in manifest");
        }
        let read = |(n, text): (usize, &Text)| {
            serde_json::from_str(&text.v1_compatibility)
                .with_context(|| format!("parsing v2s1 history entry {n}"))
        };
        self.history.iter().enumerate().map(read).collect()
    }

    /// Every layer, the base layer first; also those with nothing in them.
    pub fn layers(&self) -> impl DoubleEndedIterator<Item = &Digest> {
        self.fs_layers.iter().rev().map(|layer| &layer.blob_sum)
    }

    /// The layers that have something in them, the base layer first.
    pub fn full_layers(&self) -> Result<Vec<Digest>> {
        let steps = self.steps()?;
        let layers = self.layers().zip(steps.iter().rev());
        Ok(layers
            .filter(|(_, step)| !step.is_empty)
            .map(|(digest, _)| digest.clone())
            .collect())
    }

    /// What the image's configuration would be, as schema 2 has it apart; a diffID for each of [`Self::full_layers`].
    pub fn config(&self, diff_ids: &[Digest]) -> Result<Vec<u8>> {
        config::to_schema2(&self.history[0].v1_compatibility, &self.steps()?, diff_ids)
    }

    /// Whether the manifest says itself that it is another image than `name`.
    pub fn is_called_otherwise(&self, name: &Name) -> bool {
        self.name != name.path || self.tag != name.tag.as_deref().unwrap_or_default()
    }

    /// The same under another name, signed anew.
    pub fn renamed(mut self, name: &Name) -> Result<RawManifest> {
        self.name.clone_from(&name.path);
        self.tag = name.tag.clone().unwrap_or_default();
        self.serialize()
    }

    fn serialize(&self) -> Result<RawManifest> {
        let unsigned = crate::go_json::compact(self)?;
        Ok(RawManifest {
            media_type: super::DOCKER_SCHEMA1[1].to_owned(),
            bytes: jws::sign(&unsigned)?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn raw(json: &serde_json::Value) -> RawManifest {
        RawManifest::guess(json.to_string().into_bytes(), None).unwrap()
    }

    fn sample(steps: &[serde_json::Value]) -> serde_json::Value {
        let layers: Vec<_> = (0..steps.len())
            .map(|n| serde_json::json!({"blobSum": Digest::sha256(&[n as u8])}))
            .collect();
        let history: Vec<_> = steps
            .iter()
            .map(|step| serde_json::json!({"v1Compatibility": step.to_string()}))
            .collect();
        serde_json::json!({
            "name": "a/b", "tag": "v1", "architecture": "amd64",
            "fsLayers": layers, "history": history, "schemaVersion": 1,
        })
    }

    fn three() -> Vec<serde_json::Value> {
        let id = |c: &str| c.repeat(64);
        vec![
            serde_json::json!({"id": id("c"), "parent": id("b"), "throwaway": true, "os": "linux", "created": "2020-01-02T00:00:00Z"}),
            serde_json::json!({"id": id("b"), "parent": id("a"), "container_config": {"Cmd": ["/bin/sh", "-c"]}}),
            serde_json::json!({"id": id("a")}),
        ]
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let parsed = Schema1::parse(&raw(&sample(&three()))).unwrap();
        let digests = [2, 1, 0].map(|n| Digest::sha256(&[n]));
        assert!(parsed.layers().eq(&digests));
        assert_eq!(parsed.full_layers().unwrap(), digests[..2]);
        let config = parsed.config(&digests[..2]).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], digests[0].as_str());
        assert_eq!(config["history"][1]["created_by"], "/bin/sh -c");
        assert_eq!(config["history"][2]["empty_layer"], true);
        assert!(config.get("id").is_none() && config["os"] == "linux");
    }

    #[test]
    fn repetitions_go() {
        let mut steps = three();
        steps.insert(1, steps[1].clone());
        let parsed = Schema1::parse(&raw(&sample(&steps))).unwrap();
        let digests = [3, 2, 0].map(|n| Digest::sha256(&[n]));
        assert!(parsed.layers().eq(&digests));
    }

    #[test]
    fn what_is_no_chain_is_refused() {
        let change = |at: usize, key: &str, value: &str| {
            let mut steps = three();
            steps[at][key] = value.into();
            Schema1::parse(&raw(&sample(&steps))).map(drop)
        };
        assert!(change(2, "parent", &"d".repeat(64)).is_err());
        assert!(change(1, "parent", &"d".repeat(64)).is_err());
        assert!(change(0, "id", "../../etc").is_err());
        assert!(change(0, "id", &"a".repeat(64)).is_err());
        let mut short = sample(&three());
        short["history"].as_array_mut().unwrap().pop();
        assert!(Schema1::parse(&raw(&short)).is_err());
        assert!(Schema1::parse(&raw(&sample(&[]))).is_err());
    }

    #[test]
    fn a_new_name_is_signed() {
        let parsed = Schema1::parse(&raw(&sample(&three()))).unwrap();
        let name: Name = "r.example.com/x/y:z".parse().unwrap();
        assert!(parsed.is_called_otherwise(&name));
        let written = parsed.renamed(&name).unwrap();
        let again = Schema1::parse(&written).unwrap();
        assert!(!again.is_called_otherwise(&name));
        let payload = jws::payload(&written.bytes).unwrap();
        assert!(!String::from_utf8_lossy(&payload).contains("signatures"));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in ".{0,80}") {
            let json = format!(r#"{{"schemaVersion":1,"fsLayers":[],"history":[{{"v1Compatibility":{text:?}}}]}}"#);
            let manifest = RawManifest { media_type: crate::manifest::DOCKER_SCHEMA1[0].to_owned(), bytes: json.into_bytes() };
            let _ = Schema1::parse(&manifest);
        }
    }
}
