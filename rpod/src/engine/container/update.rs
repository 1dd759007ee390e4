//! What was asked of a container is changed while it lives: podman-update(1).

use std::fs;

use anyhow::{Context as _, Result};

use super::health::schedule;
use super::record::Container;
use crate::bundle;
use crate::engine::{Context, event, runtime};
use crate::store::record::Durability;

/// Changes the record, then what runs. If the runtime refuses the limits the record is as it was before.
pub fn update(
    ctx: &Context,
    container: &Container,
    change: impl Fn(&mut Container) -> Result<()>,
) -> Result<()> {
    let lock = container.lock(ctx)?;
    let before = super::load(ctx, &container.id)?;
    let mut after = before.clone();
    change(&mut after)?;
    after.save(ctx, Durability::Disk)?;
    if before.resources != after.resources
        && ctx.store.status(&container.id)?.is_active()
        && let Err(error) = limit(ctx, &after)
    {
        before.save(ctx, Durability::Disk)?;
        return Err(error);
    }
    drop(lock);
    if before.health != after.health {
        schedule::renew(ctx, &after)?;
    }
    event::container(ctx, "update", &after);
    Ok(())
}

fn limit(ctx: &Context, container: &Container) -> Result<()> {
    let mut resources = bundle::resources(container)?;
    // What it may open was settled when it was made; rules told anew would only repeat that.
    if let Some(all) = resources.as_object_mut() {
        all.remove("devices");
    }
    container.make_run_dir(ctx)?;
    let path = container.run_dir(ctx).join("resources.json");
    let text = path
        .to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))?;
    fs::write(&path, serde_json::to_vec(&resources)?).with_context(|| format!("writing {text}"))?;
    runtime::call(
        ctx,
        container,
        &["update", "--resources", text, &container.id],
    )
    .with_context(|| format!("changing the limits of container {}", container.id))
}
