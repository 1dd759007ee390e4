//! Unpacked layers against the blobs that they were unpacked from.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::super::transfer::stored;
use super::super::{Image, all, summary, unpack_missing_layers};
use super::compare::difference;
use super::{Used, temporary};
use crate::engine::Context;
use crate::engine::container::create::lock_images;
use crate::engine::copier::{rskopeo, run};
use crate::engine::system::check::{Asked, Damage, Outcome, Thing};
use crate::store::id;

/// Damaged layers of an image whose blobs are whole. One that is not unpacked is no damage: it will be when it is needed.
pub(super) fn check(
    ctx: &Context,
    image: &Image,
    asked: &Asked,
    used: &mut Used,
) -> Result<Vec<Damage>> {
    used.layers.extend(image.layers.iter().cloned());
    let mut found = Vec::new();
    let mut unread = Vec::new();
    for layer in &image.layers {
        let place = ctx.store.layers().join(layer);
        if !used.checked.insert(layer.clone()) || !place.exists() {
            continue;
        }
        if place.join("diff").is_dir() {
            unread.push(layer);
        } else {
            found.push(Damage::one(
                Thing::Layer(layer.clone()),
                format!("{} has no diff directory", place.display()),
            ));
        }
    }
    if asked.quick || unread.is_empty() {
        return Ok(found);
    }
    let fresh = Fresh::unpack(ctx, image)?;
    for layer in unread {
        let place = ctx.store.layers().join(layer).join("diff");
        let wanted = fresh.0.join(layer).join("diff");
        if let Some(difference) = difference(&wanted, &place, Path::new("/"))
            .with_context(|| format!("comparing layer {layer}"))?
        {
            found.push(Damage::one(Thing::Layer(layer.clone()), difference));
        }
    }
    Ok(found)
}

/// An image's layers, unpacked once more beside the store's and gone with the value.
struct Fresh(PathBuf);

impl Fresh {
    fn unpack(ctx: &Context, image: &Image) -> Result<Fresh> {
        let fresh = Fresh(temporary(ctx)?);
        fs::create_dir(&fresh.0).with_context(|| format!("making {}", fresh.0.display()))?;
        let mut command = rskopeo()?;
        command
            .args(["unpack", "--layers"])
            .arg(stored(&image.store, &image.reference()))
            .arg(&fresh.0);
        run(command, true).with_context(|| format!("unpacking image {} once more", image.id))?;
        Ok(fresh)
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // What stays has a name that the next sweep knows.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Unpacks a damaged layer anew. Containers that run on it see its old files to their end, so they have to end first.
pub fn mend(ctx: &Context, chain: &str, force: bool) -> Result<Outcome> {
    let mut running = Vec::new();
    for user in summary::containers(ctx)?.whole {
        if user.image.layers.iter().any(|layer| layer == chain)
            && ctx.store.status(&user.id)?.is_active()
        {
            running.push(user.id);
        }
    }
    if !running.is_empty() && !force {
        return Ok(Outcome::Left(format!(
            "containers run on it ({}): stop them, or use --force",
            running.join(", ")
        )));
    }
    for id in running {
        let container = crate::engine::container::load(ctx, &id)?;
        crate::engine::container::remove::remove_with_dependents(ctx, &container, true, Some(0))?;
    }
    let _images = lock_images(ctx)?;
    let place = ctx.store.layers().join(chain);
    let damaged = place.with_file_name(format!(".tmp-{}", id::new()?));
    fs::rename(&place, &damaged).with_context(|| format!("moving {} away", place.display()))?;
    fs::remove_dir_all(&damaged).with_context(|| format!("removing {}", damaged.display()))?;
    let owner = all(ctx)?
        .into_iter()
        .find(|image| image.layers.iter().any(|layer| layer == chain));
    let Some(owner) = owner else {
        return Ok(Outcome::Deleted);
    };
    unpack_missing_layers(ctx, &owner)?;
    if !place.join("diff").is_dir() {
        bail!("unpacking image {} did not make layer {chain}", owner.id);
    }
    Ok(Outcome::Restored(format!(
        "unpacked anew from image {}",
        owner.id
    )))
}
