//! Containers that do not run are removed: podman-container-prune(1).

use anyhow::Result;

use super::filter::Filter;
use super::{all, remove};
use crate::engine::Context;

/// What became of one container.
#[derive(Debug)]
pub struct Pruned {
    pub id: String,
    pub result: Result<()>,
}

/// Removes all that do not run and that every filter takes, the youngest first: who needs another is younger than it.
pub fn prune(ctx: &Context, filters: &[Filter]) -> Result<Vec<Pruned>> {
    let mut pruned = Vec::new();
    for container in all(ctx)?.into_iter().rev() {
        let status = ctx.store.status(&container.id)?;
        if status.is_active()
            || container.pod.is_some()
            || !Filter::all_take(filters, ctx, &container, &status)
        {
            continue;
        }
        let result = remove::remove(ctx, &container, false, None);
        pruned.push(Pruned {
            id: container.id,
            result,
        });
    }
    Ok(pruned)
}
