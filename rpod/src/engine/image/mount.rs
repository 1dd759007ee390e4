//! An image's files, mounted read-only: podman-image-mount(1).
//!
//! `RUNROOT/image-mounts/<id>` is the mount point; that it is one says that the image is mounted. It is mounted as well where a container
//! has it for a mount of its own (see [`crate::engine::container`]'s sources): what the container sees is not the host's to unmount.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::Image;
use crate::engine::container::overlay::{self, is_mount_point};
use crate::engine::{Context, event};
use crate::store::Store;
use crate::store::directory::entries;

/// Mounts it, if it is not mounted; the answer is where.
pub fn mount(ctx: &Context, image: &Image) -> Result<PathBuf> {
    super::unpack_missing_layers(ctx, image)?;
    let target = place(&ctx.store, &image.id);
    mount_at(ctx, image, &target, None)?;
    event::image(ctx, "mount", image, "");
    Ok(target)
}

/// Mounts the image's layers somewhere; all files have the SELinux label, if there is one.
pub fn mount_at(ctx: &Context, image: &Image, target: &Path, label: Option<&str>) -> Result<()> {
    fs::create_dir_all(target).with_context(|| format!("making {}", target.display()))?;
    if is_mount_point(target)? {
        return Ok(());
    }
    if image.layers.is_empty() {
        bail!("image {} has no layers to mount", image.id);
    }
    overlay::mount_read_only(&ctx.store.layers(), &image.layers, target, label)
}

/// Unmounts it, and what is mounted of it for containers, which do not lose it by that; false if it was not mounted.
pub fn unmount(ctx: &Context, image: &Image) -> Result<bool> {
    let mut mounted = false;
    for target in places(ctx, &image.id)? {
        mounted |= is_mount_point(&target)?;
        overlay::unmount(&target)?;
    }
    let own = place(&ctx.store, &image.id);
    if own.exists() {
        fs::remove_dir(&own).with_context(|| format!("removing {}", own.display()))?;
    }
    if mounted {
        event::image(ctx, "unmount", image, "");
    }
    Ok(mounted)
}

/// Where it is mounted, if it is: by a person before any container.
pub fn mounted_at(ctx: &Context, image: &str) -> Result<Option<PathBuf>> {
    for target in places(ctx, image)? {
        if is_mount_point(&target)? {
            return Ok(Some(target));
        }
    }
    Ok(None)
}

/// Whether a person has mounted it.
pub fn is_mounted(ctx: &Context, image: &str) -> Result<bool> {
    let own = place(&ctx.store, image);
    Ok(own.exists() && is_mount_point(&own)?)
}

/// Ids of the containers that have it for a mount.
pub fn containers_of(ctx: &Context, image: &str) -> Result<Vec<String>> {
    Ok(container_mounts(ctx, image)?
        .into_iter()
        .map(|(id, _)| id)
        .collect())
}

fn places(ctx: &Context, image: &str) -> Result<Vec<PathBuf>> {
    let own = place(&ctx.store, image);
    let mut places: Vec<PathBuf> = own.exists().then_some(own).into_iter().collect();
    places.extend(
        container_mounts(ctx, image)?
            .into_iter()
            .map(|(_, path)| path),
    );
    Ok(places)
}

fn container_mounts(ctx: &Context, image: &str) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for run in entries(&ctx.store.runroot.join("containers"))? {
        let id = run.file_name().unwrap_or_default().to_string_lossy();
        for mount in entries(&run.join("mounts"))? {
            if mount.extension().is_some_and(|of| of == image) {
                found.push((id.clone().into_owned(), mount));
            }
        }
    }
    Ok(found)
}

fn place(store: &Store, id: &str) -> PathBuf {
    store.runroot.join("image-mounts").join(id)
}
