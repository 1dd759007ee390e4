//! An artifact goes, and the blobs that no other has: podman-artifact-rm(1).

use std::collections::BTreeSet;

use anyhow::Result;

use super::{digest, entry, readable};
use crate::engine::layout::index::Descriptor;
use crate::engine::layout::{self, Layout, hex};
use crate::engine::{Context, event};
use crate::store::Lock;
use crate::store::readable::{self as damage, Damaged};

/// Takes the artifact of this name or digest out of the index, and what only it had out of the layout. Its manifest may be damaged;
/// its digest is the answer.
pub fn remove(ctx: &Context, text: &str) -> Result<String> {
    let gone = take_out(ctx, |index| {
        entry(index, text).cloned().map(|entry| vec![entry])
    })?;
    Ok(gone.into_iter().map(|entry| entry.digest).collect())
}

/// The same of all artifacts.
pub fn remove_all(ctx: &Context) -> Result<Vec<String>> {
    let gone = take_out(ctx, |index| Ok(index.manifests.clone()))?;
    Ok(gone.into_iter().map(|entry| entry.digest).collect())
}

fn take_out(
    ctx: &Context,
    which: impl FnOnce(&layout::Index) -> Result<Vec<Descriptor>>,
) -> Result<Vec<Descriptor>> {
    let layout = Layout::artifacts(&ctx.store);
    let gone = layout.edit(|index| {
        let gone = which(index)?;
        for entry in &gone {
            match entry.name() {
                None => index.forget(&entry.digest),
                Some(name) => index.remove(name),
            }
        }
        Ok(gone)
    })?;
    for entry in &gone {
        event::artifact(
            ctx,
            "remove",
            &entry.digest,
            entry.name().unwrap_or_default(),
        );
    }
    sweep(ctx)?;
    Ok(gone)
}

/// Blobs of no artifact. While somebody adds one they are left for the next removal, and while one is damaged, of which nobody knows
/// what it has.
pub(super) fn sweep(ctx: &Context) -> Result<()> {
    let layout = Layout::artifacts(&ctx.store);
    let Some(_alone) = Lock::try_exclusive(layout.root())? else {
        return Ok(());
    };
    let artifacts = match readable(ctx)?.all() {
        Err(error) if error.is::<Damaged>() => {
            damage::tell(&error.context("blobs of no artifact are kept for now"));
            return Ok(());
        }
        artifacts => artifacts?,
    };
    let mut kept = BTreeSet::new();
    for artifact in artifacts {
        kept.insert(hex(&artifact.digest)?.to_owned());
        for blob in artifact
            .layers()
            .iter()
            .chain([&artifact.manifest["config"]])
        {
            kept.insert(hex(digest(blob))?.to_owned());
        }
    }
    layout::sweep::directory(&layout.blobs(), &kept)
}
