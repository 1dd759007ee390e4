//! What a list of images shows of each, and which containers use it.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Image;
use crate::engine::Context;
use crate::store::readable::{Readable, damaged};
use crate::store::{self, Noun, record};

/// As much of a container's record as its image needs to know.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) image: UsedImage,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UsedImage {
    id: String,
    pub(super) name: String,
    pub(super) digest: String,
    pub(super) layers: Vec<String>,
}

/// Every container's use of an image.
pub(super) fn containers(context: &Context) -> Result<Readable<User>> {
    let ids = context.store.ids(Noun::Container);
    let mut users = Readable::default();
    for id in ids.context("listing containers")? {
        let user = record::load_if_there::<User>(&context.store.record(Noun::Container, &id));
        users.add(
            user.map_err(|error| damaged(format!("container {}", store::id::short(&id)), error)),
        );
    }
    Ok(users)
}

/// Ids of the containers made from an image.
pub fn containers_of(context: &Context, image: &str) -> Result<Vec<String>> {
    containers_where(context, |user| user.image.id == image)
}

/// The same by the digest of the image's manifest.
pub(super) fn containers_by_digest(context: &Context, digest: &str) -> Result<Vec<String>> {
    containers_where(context, |user| user.image.digest == digest)
}

fn containers_where(context: &Context, uses: impl Fn(&User) -> bool) -> Result<Vec<String>> {
    let users = containers(context)?.told().into_iter();
    Ok(users.filter(uses).map(|user| user.id).collect())
}

/// An image as `podman images --format json` has it.
pub fn summary(context: &Context, image: &Image) -> Result<Value> {
    let created = image.created();
    let size = image.size()?;
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
    if image.is_lent(context) {
        summary["ReadOnly"] = true.into();
    }
    if !image.names_history.is_empty() {
        summary["History"] = image.names_history.clone().into();
    }
    summary["Created"] = created.as_second().into();
    summary["CreatedAt"] = created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
    Ok(summary)
}

impl Image {
    /// When the configuration says that it was made; where it does not say, when the image came into the store.
    pub fn created(&self) -> Timestamp {
        let told = self.config.created.as_deref();
        let told = told.and_then(|created| created.parse().ok());
        let came = || {
            let manifest = super::manifest::blob(&self.store, &self.digest).ok()?;
            Timestamp::try_from(manifest.metadata().ok()?.modified().ok()?).ok()
        };
        told.or_else(came).unwrap_or(Timestamp::UNIX_EPOCH)
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
}
