//! A container gets another name: podman-rename(1).

use anyhow::{Result, bail};

use super::record::Container;
use crate::engine::{Context, event};
use crate::store::record::Durability;
use crate::store::{Noun, names};

/// The new name is taken, the record says so, the old name is given back. A process killed after the first step leaves a name
/// that its owner does not bear, which is no name; after the second, one more of these.
pub fn rename(ctx: &Context, container: &Container, name: &str) -> Result<()> {
    let name = name.trim_start_matches('/');
    names::check(name)?;
    let _lock = container.lock(ctx)?;
    // Somebody else may have renamed it while we waited.
    let current = super::load(ctx, &container.id)?;
    match ctx.store.take_name(Noun::Container, name, &container.id) {
        Err(error) if error.is::<names::NameInUse>() => bail!(
            "renaming container {id}: name {name} already in use, cannot rename container {id}: container already exists",
            id = container.id
        ),
        taken => taken?,
    }
    let renamed = Container {
        name: name.to_owned(),
        ..current.clone()
    };
    let saved = renamed.save(ctx, Durability::Disk);
    let unused = if saved.is_ok() { &current.name } else { name };
    if current.name != name {
        ctx.store.drop_name(unused, &container.id)?;
    }
    saved?;
    event::container(ctx, "rename", &renamed);
    Ok(())
}
