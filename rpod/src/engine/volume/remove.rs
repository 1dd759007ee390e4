//! Volumes go: podman-volume-rm(1), podman-volume-prune(1).

use std::fs;

use anyhow::{Context as _, Result};

use super::{Volume, VolumeError, all, discard, home, lock, mount, nameless, sweep, users};
use crate::engine::container::record::Container;
use crate::engine::container::{self, overlay, remove};
use crate::engine::{Context, event};
use crate::store::Lock;
use crate::store::near::Missing;

/// Removes a volume. Containers that use it are removed first if `force`, an error else.
pub fn remove(ctx: &Context, volume: &Volume, force: bool, timeout: Option<u64>) -> Result<()> {
    if force {
        for user in users(ctx, &volume.name)? {
            remove::remove_with_dependents(ctx, &user, true, timeout)?;
        }
    }
    // Whoever fills it comes to the end.
    let _alone = wait_for_filling(ctx, volume)?;
    let _lock = lock(ctx)?;
    if !home(ctx, &volume.name).exists() {
        return Err(gone(volume));
    }
    // With the lock held no container can come to name it.
    let containers = container::readable(ctx)?;
    let users = containers.whole.iter().filter(|user| uses(user, volume));
    let users: Vec<&str> = users.map(|user| user.id.as_str()).collect();
    if !users.is_empty() {
        return Err(VolumeError::InUse {
            name: volume.name.clone(),
            users: users.join(", "),
        }
        .into());
    }
    if !force {
        // Of a damaged one nobody knows.
        let all = containers.all();
        all.with_context(|| format!("volume {} may be used", volume.name))?;
    }
    mount::forget(ctx, volume)?;
    overlay::unmount(&volume.data(ctx))?;
    let home = home(ctx, &volume.name);
    let nameless = nameless(ctx)?;
    fs::rename(&home, &nameless).with_context(|| format!("removing {}", home.display()))?;
    event::volume(ctx, "remove", &volume.name);
    discard(&nameless)?;
    sweep(ctx)
}

fn wait_for_filling(ctx: &Context, volume: &Volume) -> Result<Lock> {
    let home = home(ctx, &volume.name);
    let lock = Lock::exclusive(&home);
    lock.map_err(|error| match home.exists() {
        true => error,
        false => gone(volume),
    })
}

/// Somebody else was faster.
fn gone(volume: &Volume) -> anyhow::Error {
    VolumeError::NotFound(Missing::among(&volume.name, [""; 0])).into()
}

/// Volumes that no container names.
pub fn unused(ctx: &Context) -> Result<Vec<Volume>> {
    let containers = container::readable(ctx)?.all();
    let containers = containers.context("no volume is known to be unused")?;
    let mut volumes = all(ctx)?;
    volumes.retain(|volume| !containers.iter().any(|user| uses(user, volume)));
    Ok(volumes)
}

fn uses(container: &Container, volume: &Volume) -> bool {
    container.volumes().any(|name| name == volume.name)
}
