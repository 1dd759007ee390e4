//! Damage of artifacts, and its mending. A damaged artifact goes; of a damaged list the names are lost.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::engine::image::check as images;
use crate::engine::layout::Layout;
use crate::engine::system::check::{Asked, Damage, Outcome, Thing};
use crate::engine::{Context, event};

pub fn check(ctx: &Context, asked: &Asked) -> Result<Vec<Damage>> {
    let layout = Layout::artifacts(&ctx.store);
    let index = match layout.index() {
        Ok(index) => index,
        Err(error) => return Ok(vec![Damage::one(Thing::Artifacts, format!("{error:#}"))]),
    };
    let mut found = Vec::new();
    let mut used = BTreeSet::new();
    for entry in &index.manifests {
        let errors = images::blobs(&layout, &entry.digest, asked, &mut used)?;
        if !errors.is_empty() {
            found.push(Damage {
                thing: Thing::Artifact(entry.digest.clone()),
                errors,
            });
        }
    }
    // What a damaged one needs is not known.
    let used = found.is_empty().then_some(&used);
    found.extend(images::leftovers(&layout.blobs(), used, asked.max_age)?);
    Ok(found)
}

pub fn drop_damaged(ctx: &Context, digest: &str) -> Result<Outcome> {
    Layout::artifacts(&ctx.store).edit(|index| {
        index.forget(digest);
        Ok(())
    })?;
    event::artifact(ctx, "remove", digest, "");
    Ok(Outcome::Deleted)
}

pub fn rebuild(ctx: &Context) -> Result<Outcome> {
    let (count, kept) = Layout::artifacts(&ctx.store).rebuild_index(&BTreeMap::new())?;
    Ok(Outcome::Restored(format!(
        "{count} artifacts found among the blobs, without their names; the damaged list is kept as {}",
        kept.display()
    )))
}
