//! A damaged `index.json` is made anew from the manifests among the blobs. Names are those that containers remember.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::super::{manifest, summary};
use crate::engine::Context;
use crate::engine::layout::{Layout, hex};
use crate::engine::system::check::Outcome;

/// The largest blob that is read as a manifest.
const LARGEST: u64 = 4 << 20;

pub fn rebuild(ctx: &Context) -> Result<Outcome> {
    let store = &ctx.store;
    let mut names = BTreeMap::new();
    for user in summary::readable_containers(ctx)? {
        if !user.image.name.is_empty() && super::super::Name::parse(&user.image.name).is_ok() {
            names.insert(user.image.digest, user.image.name);
        }
    }
    let blobs = Layout::images(store).blobs();
    let mut manifests = Vec::new();
    for entry in fs::read_dir(&blobs).with_context(|| format!("listing {}", blobs.display()))? {
        let entry = entry.with_context(|| format!("listing {}", blobs.display()))?;
        let size = entry.metadata().context("stat")?.len();
        let digest = format!("sha256:{}", entry.file_name().to_string_lossy());
        if size <= LARGEST && hex(&digest).is_ok() {
            manifests.extend(whole(ctx, &digest).map(|media_type| (media_type, digest, size)));
        }
    }
    let kept = Layout::images(store).put_index_aside()?;
    Layout::images(store).edit(|index| {
        for (media_type, digest, size) in &manifests {
            index.put(media_type, digest, *size);
            if let Some(name) = names.get(digest) {
                index.add_name(digest, name)?;
            }
        }
        Ok(())
    })?;
    Ok(Outcome::Restored(format!(
        "{} images found among the blobs; the damaged list is kept as {}",
        manifests.len(),
        kept.display()
    )))
}

/// The media type, if the blob is the manifest of an image all of whose blobs are there.
fn whole(ctx: &Context, digest: &str) -> Option<String> {
    let value: Value = manifest::read(&ctx.store, digest).ok()?;
    let parts = value["layers"].as_array()?.iter();
    let all_there = parts.chain([&value["config"]]).all(|part| {
        let path = part["digest"]
            .as_str()
            .and_then(|digest| manifest::blob(&ctx.store, digest).ok());
        path.is_some_and(|path| path.exists())
    });
    let media_type = value["mediaType"]
        .as_str()
        .unwrap_or("application/vnd.oci.image.manifest.v1+json");
    all_there.then(|| media_type.to_owned())
}
