//! An image's files, mounted read-only: podman-image-mount(1).
//!
//! `RUNROOT/image-mounts/<id>` is the mount point; that it is one says that the image is mounted.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::Image;
use crate::engine::container::overlay::{self, is_mount_point};
use crate::engine::{Context, event};
use crate::store::Store;

/// Mounts it, if it is not mounted; the answer is where.
pub fn mount(ctx: &Context, image: &Image) -> Result<PathBuf> {
    super::unpack_missing_layers(ctx, image)?;
    let target = place(&ctx.store, &image.id);
    mount_at(ctx, image, &target)?;
    event::image(ctx, "mount", image, "");
    Ok(target)
}

/// Mounts the image's layers somewhere.
pub fn mount_at(ctx: &Context, image: &Image, target: &Path) -> Result<()> {
    fs::create_dir_all(target).with_context(|| format!("making {}", target.display()))?;
    if is_mount_point(target)? {
        return Ok(());
    }
    if image.layers.is_empty() {
        bail!("image {} has no layers to mount", image.id);
    }
    overlay::mount_read_only(&ctx.store.layers(), &image.layers, target)
}

/// Unmounts it; false if it was not mounted.
pub fn unmount(ctx: &Context, image: &Image) -> Result<bool> {
    let target = place(&ctx.store, &image.id);
    if !target.exists() {
        return Ok(false);
    }
    let mounted = is_mount_point(&target)?;
    overlay::unmount(&target)?;
    fs::remove_dir(&target).with_context(|| format!("removing {}", target.display()))?;
    if mounted {
        event::image(ctx, "unmount", image, "");
    }
    Ok(mounted)
}

/// Where it is mounted, if it is.
pub fn mounted_at(ctx: &Context, image: &str) -> Result<Option<PathBuf>> {
    let target = place(&ctx.store, image);
    Ok((target.exists() && is_mount_point(&target)?).then_some(target))
}

fn place(store: &Store, id: &str) -> PathBuf {
    store.runroot.join("image-mounts").join(id)
}
