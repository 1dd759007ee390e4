//! Damage of the image store, and its mending.
//!
//! An image is what its digests say, so a blob is damaged when they differ. A layer is damaged when its files differ from those that
//! unpacking the image's blobs makes; it is then unpacked anew. Only an image whose blobs are damaged has to go.

mod compare;
mod index;
mod layers;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::{manifest, summary};
use crate::engine::layout::{Layout, hex, sweep};
use crate::engine::system::check::{Asked, Damage, Outcome, Thing};
use crate::engine::{Context, container, event};
use crate::store::directory::entries;
use crate::store::{Lock, id};

pub use index::rebuild as rebuild_index;
pub use layers::mend as mend_layer;

pub fn check(ctx: &Context, asked: &Asked) -> Result<Vec<Damage>> {
    if !ctx.store.images().exists() {
        return Ok(Vec::new());
    }
    let layout = Layout::images(&ctx.store);
    let index = match layout.index() {
        Ok(index) => index,
        // Nothing can be said of the rest without it.
        Err(error) => return Ok(vec![Damage::one(Thing::Index, format!("{error:#}"))]),
    };
    let mut found = Vec::new();
    let mut used = Used::default();
    for digest in index.digests() {
        let errors = blobs(&layout, digest, asked, &mut used.blobs)?;
        if errors.is_empty() {
            let image = manifest::load(&ctx.store, &index, digest)?;
            found.extend(layers::check(ctx, &image, asked, &mut used)?);
        } else {
            used.is_uncertain = true;
            found.push(Damage {
                thing: Thing::Image(digest.to_owned()),
                errors,
            });
        }
    }
    for list in index.lists() {
        match super::list::blobs(&ctx.store, &list) {
            Ok(blobs) => used.blobs.extend(blobs),
            Err(error) => {
                used.is_uncertain = true;
                found.push(Damage::one(
                    Thing::Image(list.digest.clone()),
                    format!("manifest list: {error:#}"),
                ));
            }
        }
    }
    for user in summary::containers(ctx)?.whole {
        used.layers.extend(user.image.layers);
    }
    for (directory, kept) in [
        (layout.blobs(), &used.blobs),
        (ctx.store.layers(), &used.layers),
    ] {
        // What a damaged image needs is not known.
        let kept = (!used.is_uncertain).then_some(kept);
        found.extend(leftovers(&directory, kept, asked.max_age)?);
    }
    Ok(found)
}

/// What images and containers refer to.
#[derive(Debug, Default)]
pub(super) struct Used {
    blobs: BTreeSet<String>,
    layers: BTreeSet<String>,
    /// Layers that were looked at.
    checked: BTreeSet<String>,
    is_uncertain: bool,
}

/// What is wrong with the manifest, the configuration and the layers of an image, or of an artifact; the blobs that it has are `used`.
pub fn blobs(
    layout: &Layout,
    digest: &str,
    asked: &Asked,
    used: &mut BTreeSet<String>,
) -> Result<Vec<String>> {
    used.insert(hex(digest)?.to_owned());
    let mut errors = Vec::new();
    if let Err(error) = layout.verify(digest, None, false) {
        return Ok(vec![format!("manifest: {error:#}")]);
    }
    let manifest = match layout.read::<manifest::Manifest>(digest) {
        Ok(manifest) => manifest,
        Err(error) => return Ok(vec![format!("manifest: {error:#}")]),
    };
    let parts = [("configuration", &manifest.config)]
        .into_iter()
        .chain(manifest.layers.iter().map(|layer| ("layer", layer)));
    for (what, blob) in parts {
        let Ok(hex) = hex(&blob.digest) else {
            errors.push(format!("{what}: {:?} is no digest", blob.digest));
            continue;
        };
        used.insert(hex.to_owned());
        let quick = asked.quick && what == "layer";
        if let Err(error) = layout.verify(&blob.digest, blob.size, quick) {
            errors.push(format!("{what} {}: {error:#}", blob.digest));
        }
    }
    Ok(errors)
}

/// What is half-made and nobody is making, and what nothing refers to for longer than `max_age`.
pub fn leftovers(
    directory: &Path,
    kept: Option<&BTreeSet<String>>,
    max_age: Duration,
) -> Result<Vec<Damage>> {
    let mut found = Vec::new();
    for path in entries(directory)? {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let half_made = name.starts_with(".tmp-");
        let unknown = id::is_whole(&name) && kept.is_some_and(|kept| !kept.contains(&name));
        let old = path
            .symlink_metadata()
            .and_then(|meta| meta.modified())
            .is_ok_and(|made| made.elapsed().is_ok_and(|age| age > max_age));
        // Whoever makes it holds its lock.
        if half_made && Lock::try_exclusive(&path).is_ok_and(|lock| lock.is_some()) {
            found.push(Damage::one(
                Thing::Leftover(path),
                "left half-made by a killed command",
            ));
        } else if unknown && old {
            found.push(Damage::one(Thing::Leftover(path), "nothing refers to it"));
        }
    }
    Ok(found)
}

/// Forgets a damaged image. Containers made from it keep it unless `force`, which removes them.
pub fn drop_image(ctx: &Context, digest: &str, force: bool) -> Result<Outcome> {
    let users = summary::containers_by_digest(ctx, digest)?;
    if !users.is_empty() && !force {
        return Ok(Outcome::Left(format!(
            "containers use it ({}): remove them, or use --force",
            users.join(", ")
        )));
    }
    for id in users {
        let user = container::load(ctx, &id)?;
        container::remove::remove_with_dependents(ctx, &user, true, Some(0))?;
    }
    Layout::images(&ctx.store).edit(|index| {
        index.forget(digest);
        Ok(())
    })?;
    event::image_removed(ctx, digest);
    Ok(Outcome::Deleted)
}

/// Removes a path of the store, a directory only after it has a name that says it is half-made.
pub fn remove_leftover(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    sweep::remove(path)
}

fn temporary(ctx: &Context) -> Result<PathBuf> {
    Ok(ctx
        .store
        .layers()
        .join(format!(".tmp-check-{}", id::new()?)))
}
