//! Images of the store: an OCI image layout whose index names them.

use std::fs;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::Context;

#[derive(Clone, Debug, Default)]
pub struct Image {
    pub id: String,
    pub names: Vec<String>,
    pub digest: String,
    pub config: ImageConfig,
    /// chainIDs, lowest layer first.
    pub layers: Vec<String>,
}

/// `config` of the image's configuration: what a container takes over.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageConfig {
    pub user: String,
    pub env: Option<Vec<String>>,
    pub entrypoint: Option<Vec<String>>,
    pub cmd: Option<Vec<String>>,
    pub working_dir: String,
    pub labels: Option<std::collections::BTreeMap<String, String>>,
    pub volumes: Option<std::collections::BTreeMap<String, serde_json::Value>>,
    pub stop_signal: String,
    pub exposed_ports: Option<std::collections::BTreeMap<String, serde_json::Value>>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    config: ImageConfig,
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The image that a name or id stands for; nothing when the store has none.
pub fn find(ctx: &Context, text: &str) -> Result<Option<Image>> {
    let path = ctx.store.images().join("index.json");
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    let index: Index =
        serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))?;
    let named = |d: &&Descriptor| {
        d.annotations
            .get(REF_NAME)
            .is_some_and(|name| matches(name, text))
    };
    if let Some(descriptor) = index.manifests.iter().find(named) {
        return open(ctx, &index, &descriptor.digest).map(Some);
    }
    if crate::store::id::is_prefix(text) {
        for descriptor in &index.manifests {
            let image = open(ctx, &index, &descriptor.digest)?;
            if image.id.starts_with(text) {
                return Ok(Some(image));
            }
        }
    }
    Ok(None)
}

/// `alpine` is `localhost/alpine:latest`, `docker.io/library/alpine:latest` or the `alpine` of any registry.
fn matches(name: &str, text: &str) -> bool {
    let last = text.rsplit('/').next().unwrap_or(text);
    let tagged = if last.contains([':', '@']) {
        text.to_owned()
    } else {
        format!("{text}:latest")
    };
    name == tagged
        || name
            .strip_suffix(&tagged)
            .is_some_and(|before| before.ends_with('/'))
}

fn open(ctx: &Context, index: &Index, digest: &str) -> Result<Image> {
    let manifest: Manifest = blob(ctx, digest)?;
    let configuration: Configuration = blob(ctx, &manifest.config.digest)?;
    Ok(Image {
        id: manifest
            .config
            .digest
            .trim_start_matches("sha256:")
            .to_owned(),
        names: index
            .manifests
            .iter()
            .filter(|d| d.digest == digest)
            .filter_map(|d| d.annotations.get(REF_NAME).cloned())
            .collect(),
        digest: digest.to_owned(),
        config: configuration.config,
        layers: chain(&configuration.rootfs.diff_ids),
    })
}

fn blob<T: serde::de::DeserializeOwned>(ctx: &Context, digest: &str) -> Result<T> {
    let Some((algorithm, hex)) = digest
        .split_once(':')
        .filter(|(a, h)| *a == "sha256" && crate::store::id::is_whole(h))
    else {
        bail!("{digest:?} is no sha256 digest");
    };
    crate::store::record::load(&ctx.store.images().join("blobs").join(algorithm).join(hex))
}

/// chainIDs of the layers: image-spec, config.md, "Layer ChainID".
fn chain(diff_ids: &[String]) -> Vec<String> {
    use sha2::Digest as _;
    let mut chain: Vec<String> = Vec::new();
    for diff_id in diff_ids {
        let hex = match chain.last() {
            None => diff_id.trim_start_matches("sha256:").to_owned(),
            Some(parent) => {
                let hash = sha2::Sha256::digest(format!("sha256:{parent} {diff_id}"));
                hash.iter().map(|byte| format!("{byte:02x}")).collect()
            }
        };
        chain.push(hex);
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names() {
        assert!(matches("docker.io/library/alpine:latest", "alpine"));
        assert!(matches("localhost/alpine:3", "alpine:3"));
        assert!(!matches("localhost/myalpine:latest", "alpine"));
        assert!(matches(
            "127.0.0.1:5000/alpine:latest",
            "127.0.0.1:5000/alpine"
        ));
    }
}
