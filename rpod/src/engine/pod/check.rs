//! Damage of pods: records that cannot be read, and pods that were left half-made.

use anyhow::{Context as _, Result};

use super::{members, record::Pod, remove};
use crate::engine::Context;
use crate::engine::container::remove as container;
use crate::engine::system::check::{Damage, Outcome, Thing};
use crate::store::{Lock, Noun, record as file};

pub fn check(ctx: &Context) -> Result<Vec<Damage>> {
    let mut found = Vec::new();
    for id in ctx.store.ids(Noun::Pod).context("listing pods")? {
        let home = ctx.store.home(Noun::Pod, &id);
        match file::load_if_there::<Pod>(&ctx.store.record(Noun::Pod, &id)) {
            Ok(Some(_)) => {}
            Ok(None) if Lock::try_exclusive(&home).is_ok_and(|lock| lock.is_none()) => {}
            Ok(None) => found.push(Damage::one(
                Thing::Pod(id),
                "it was left half-made by a killed command",
            )),
            Err(error) => found.push(Damage::one(Thing::Pod(id), format!("{error:#}"))),
        }
    }
    Ok(found)
}

/// Sweeps what is half-made. One whose record is damaged goes only with `force`, and its containers with it.
pub fn mend(ctx: &Context, id: &str, force: bool) -> Result<Outcome> {
    if !ctx.store.record(Noun::Pod, id).exists() {
        remove::sweep(ctx)?;
        return Ok(Outcome::Deleted);
    }
    if !force {
        return Ok(Outcome::Left(
            "its containers are left: mend its record, or use --force to remove it with them"
                .to_owned(),
        ));
    }
    for member in members::of(ctx, id)?.iter().rev() {
        container::remove(ctx, member, true, Some(0))?;
    }
    remove::erase(ctx, id, "")?;
    ctx.store.sweep_names()?;
    Ok(Outcome::Deleted)
}
