//! Damage of containers: records that cannot be read, layers that are missing, what killed commands left.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::record::Container;
use super::remove::{self, is_young};
use crate::engine::Context;
use crate::engine::system::check::{Asked, Damage, Outcome, Thing};
use crate::store::directory::entries;
use crate::store::{Lock, Noun, id, record as file};

pub fn check(ctx: &Context, _asked: &Asked) -> Result<Vec<Damage>> {
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    for id in ctx
        .store
        .ids(Noun::Container)
        .context("listing containers")?
    {
        let home = ctx.store.home(Noun::Container, &id);
        let record = ctx.store.record(Noun::Container, &id);
        match file::load_if_there::<Container>(&record) {
            Ok(Some(container)) => {
                let errors = errors(ctx, &container);
                if !errors.is_empty() {
                    found.push(Damage {
                        thing: Thing::Container(id.clone()),
                        errors,
                    });
                }
            }
            // One that is just being made or removed is locked, or young.
            Ok(None) if is_young(&home) => {}
            Ok(None) => {
                if Lock::try_exclusive(&home).is_ok_and(|lock| lock.is_some()) && !record.exists() {
                    found.push(Damage::one(
                        Thing::Leftover(home),
                        "a container that was left half-made by a killed command",
                    ));
                    continue;
                }
            }
            Err(error) => found.push(Damage::one(
                Thing::Container(id.clone()),
                format!("{error:#}"),
            )),
        }
        known.insert(id);
    }
    for place in ["containers", "netns"] {
        found.extend(orphans(&ctx.store.runroot.join(place), &known)?);
    }
    Ok(found)
}

fn errors(ctx: &Context, container: &Container) -> Vec<String> {
    let mut errors = Vec::new();
    for layer in &container.image.layers {
        if !ctx.store.layers().join(layer).join("diff").is_dir() {
            errors.push(format!(
                "layer {layer} of image {} is missing: pull the image again",
                container.image.name
            ));
        }
    }
    match ctx.store.owner(&container.name) {
        Ok(Some((Noun::Container, owner))) if owner == container.id => {}
        Ok(_) => errors.push(format!("its name {} does not lead to it", container.name)),
        Err(error) => errors.push(format!("{error:#}")),
    }
    if let Some(pod) = &container.pod
        && !ctx.store.record(Noun::Pod, pod).exists()
    {
        errors.push(format!("its pod {pod} is gone"));
    }
    errors
}

/// Run directories and network namespaces of containers that are no more.
fn orphans(directory: &Path, known: &BTreeSet<String>) -> Result<Vec<Damage>> {
    let mut found = Vec::new();
    for path in entries(directory)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let owner = name.trim_end_matches(".json");
        if id::is_whole(owner) && !known.contains(owner) && !is_young(&path) {
            let owner = owner.to_owned();
            // Its namespace and the record of it go together.
            if !found
                .iter()
                .any(|damage: &Damage| damage.thing == Thing::Container(owner.clone()))
            {
                found.push(Damage::one(
                    Thing::Container(owner),
                    format!("it is gone, but {} is there", path.display()),
                ));
            }
        }
    }
    Ok(found)
}

/// Gives it back what can be given back; with `force` what cannot be mended goes.
pub fn mend(ctx: &Context, id: &str, force: bool) -> Result<Outcome> {
    let home = ctx.store.home(Noun::Container, id);
    if !home.exists() {
        remove::remove_damaged(ctx, id)?;
        return Ok(Outcome::Deleted);
    }
    if let Ok(container) = super::load(ctx, id) {
        let mut left = errors(ctx, &container);
        if ctx.store.owner(&container.name)? != Some((Noun::Container, id.to_owned())) {
            ctx.store
                .take_name(Noun::Container, &container.name, id)
                .with_context(|| format!("giving container {id} its name back"))?;
            left = errors(ctx, &container);
        }
        if left.is_empty() {
            return Ok(Outcome::Restored(format!(
                "its name is {} again",
                container.name
            )));
        }
    }
    if !force {
        return Ok(Outcome::Left(
            "its files are left: mend its record, or use --force to remove it".to_owned(),
        ));
    }
    remove::remove_damaged(ctx, id)?;
    Ok(Outcome::Deleted)
}
