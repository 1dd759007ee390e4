//! An artifact goes, and the blobs that no other has: podman-artifact-rm(1).

use std::collections::BTreeSet;

use anyhow::Result;

use super::{Artifact, all, digest};
use crate::engine::layout::{self, Layout, hex};
use crate::engine::{Context, event};
use crate::store::Lock;

/// Takes it out of the index, and what only it had out of the layout.
pub fn remove(ctx: &Context, artifact: &Artifact) -> Result<()> {
    let layout = Layout::artifacts(&ctx.store);
    layout.edit(|index| {
        match artifact.name.as_str() {
            "" => index.forget(&artifact.digest),
            name => index.remove(name),
        }
        Ok(())
    })?;
    event::artifact(ctx, "remove", &artifact.digest, &artifact.name);
    sweep(ctx)
}

/// Blobs of no artifact. While somebody adds one they are left for the next removal.
pub(super) fn sweep(ctx: &Context) -> Result<()> {
    let layout = Layout::artifacts(&ctx.store);
    let Some(_alone) = Lock::try_exclusive(layout.root())? else {
        return Ok(());
    };
    let mut kept = BTreeSet::new();
    for artifact in all(ctx)? {
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
