//! What a list of images shows of each, and which containers use it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Image;
use crate::engine::Context;
use crate::store::record::{self, Durability};
use crate::store::{Noun, Store};

/// As much of a container's record as its image needs to know.
#[derive(Debug, Deserialize)]
pub(super) struct User {
    id: String,
    pub(super) image: UsedImage,
}

#[derive(Debug, Deserialize)]
pub(super) struct UsedImage {
    id: String,
    #[serde(default)]
    pub(super) layers: Vec<String>,
}

/// Every container's use of an image.
pub(super) fn containers(context: &Context) -> Result<Vec<User>> {
    let mut users = Vec::new();
    for id in context
        .store
        .ids(Noun::Container)
        .context("listing containers")?
    {
        users.extend(record::load_if_there::<User>(
            &context.store.record(Noun::Container, &id),
        )?);
    }
    Ok(users)
}

/// Ids of the containers made from an image.
pub fn containers_of(context: &Context, image: &str) -> Result<Vec<String>> {
    let users = containers(context)?.into_iter();
    Ok(users
        .filter(|user| user.image.id == image)
        .map(|user| user.id)
        .collect())
}

/// An image as `podman images --format json` has it.
pub fn summary(context: &Context, image: &Image) -> Result<Value> {
    let created = image.created();
    let size = image.size(&context.store)?;
    let config = image.config.config.as_ref();
    let mut summary = json!({
        "Id": image.id,
        "ParentId": "",
        "RepoTags": null,
        "RepoDigests": image.repo_digests(),
        "Size": size,
        "SharedSize": 0,
        "VirtualSize": size,
        "Labels": config.and_then(|config| config.labels.clone()),
        "Containers": containers_of(context, &image.id)?.len(),
    });
    if image.names.is_empty() {
        summary["Dangling"] = true.into();
    } else {
        summary["Names"] = image.names.clone().into();
    }
    summary["Digest"] = image.digest.clone().into();
    if !image.names.is_empty() {
        summary["History"] = image.names.clone().into();
    }
    summary["Created"] = created.as_second().into();
    summary["CreatedAt"] = created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
    Ok(summary)
}

impl Image {
    /// When the configuration says that it was made; the epoch where it does not say.
    pub fn created(&self) -> Timestamp {
        let created = self
            .config
            .created
            .as_deref()
            .and_then(|created| created.parse().ok());
        created.unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The repositories it has names in, with the manifest's digest and that of the index it came through.
    pub fn repo_digests(&self) -> Vec<String> {
        let mut digests = BTreeSet::new();
        for name in self
            .names
            .iter()
            .filter_map(|name| super::Name::parse(name).ok())
        {
            for digest in [Some(&self.digest), self.index_digest.as_ref()]
                .into_iter()
                .flatten()
            {
                digests.insert(format!("{}@{digest}", name.repository));
            }
        }
        digests.into_iter().collect()
    }

    /// Bytes of the unpacked layers.
    pub fn size(&self, store: &Store) -> Result<u64> {
        self.layers
            .iter()
            .map(|layer| layer_size(&store.layers().join(layer)))
            .sum()
    }
}

/// Bytes of a layer's files, measured once and kept beside them. A layer that is not unpacked has none.
fn layer_size(layer: &Path) -> Result<u64> {
    let kept = layer.join("size");
    if let Some(size) = fs::read_to_string(&kept)
        .ok()
        .and_then(|text| text.parse().ok())
    {
        return Ok(size);
    }
    let diff = layer.join("diff");
    if !diff.exists() {
        return Ok(0);
    }
    let size = tree_size(&diff, &mut BTreeSet::new())?;
    match record::replace(&kept, size.to_string().as_bytes(), Durability::Process) {
        // A store that may only be read is measured every time.
        Err(_) if nix::unistd::access(layer, nix::unistd::AccessFlags::W_OK).is_err() => Ok(size),
        kept => kept.map(|()| size),
    }
}

/// Each inode once, however many links it has.
fn tree_size(directory: &Path, seen: &mut BTreeSet<u64>) -> Result<u64> {
    let context = || format!("measuring {}", directory.display());
    let mut size = 0;
    for entry in fs::read_dir(directory).with_context(context)? {
        let entry = entry.with_context(context)?;
        let metadata = entry.metadata().with_context(context)?;
        if metadata.is_dir() {
            size += tree_size(&entry.path(), seen)?;
        } else if metadata.is_file() && (metadata.nlink() == 1 || seen.insert(metadata.ino())) {
            size += metadata.len();
        }
    }
    Ok(size)
}
