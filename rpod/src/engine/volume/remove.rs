//! Volumes go: podman-volume-rm(1), podman-volume-prune(1).

use std::fs;

use anyhow::{Context as _, Result};

use super::{Volume, VolumeError, all, home, lock, mount, users};
use crate::engine::container::record::Container;
use crate::engine::container::{self, overlay, remove};
use crate::engine::{Context, event};
use crate::store::directory::remove_tree;

/// Removes a volume. Containers that use it are removed first if `force`, an error else.
pub fn remove(ctx: &Context, volume: &Volume, force: bool, timeout: Option<u64>) -> Result<()> {
    if force {
        for user in users(ctx, &volume.name)? {
            remove::remove_with_dependents(ctx, &user, true, timeout)?;
        }
    } else {
        all_containers(ctx).with_context(|| format!("volume {} may be used", volume.name))?;
    }
    let _lock = lock(ctx)?;
    // With the lock held no container can come to name it.
    let users = users(ctx, &volume.name)?;
    if !users.is_empty() {
        let ids: Vec<&str> = users.iter().map(|user| user.id.as_str()).collect();
        return Err(VolumeError::InUse {
            name: volume.name.clone(),
            users: ids.join(", "),
        }
        .into());
    }
    mount::forget(ctx, volume)?;
    overlay::unmount(&volume.data(ctx))?;
    let home = home(ctx, &volume.name);
    let removing = || format!("removing {}", home.display());
    match fs::remove_file(home.join("volume.json")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(removing);
        }
        _ => {}
    }
    remove_tree(&home)?;
    event::volume(ctx, "remove", &volume.name);
    Ok(())
}

/// Fails where the volumes of a damaged one are not known.
fn all_containers(ctx: &Context) -> Result<Vec<Container>> {
    container::readable(ctx)?.all()
}

/// Volumes that no container names.
pub fn unused(ctx: &Context) -> Result<Vec<Volume>> {
    let containers = all_containers(ctx).context("no volume is known to be unused")?;
    let mut volumes = all(ctx)?;
    volumes.retain(|volume| {
        !containers
            .iter()
            .any(|container| container.volumes().any(|name| name == volume.name))
    });
    Ok(volumes)
}
