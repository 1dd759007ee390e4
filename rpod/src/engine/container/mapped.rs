//! Layers as a container with ids of its own is to see them: owned by its root, not by rpod's.
//!
//! The kernel maps a mount's owners where it is asked by who owns the file system, which is the host's root; that costs nothing. For
//! others the layers are unpacked once more with mapped owners, once for each map, in `ROOT/mapped/<map>/`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use nix::errno::Errno;

use super::overlay::unmount;
use super::record::Container;
use super::tree::mount_mapped;
use crate::engine::user_namespace::{Maps, namespace};
use crate::engine::{Context, image, rootless, selinux};

/// The directory that holds the container's layers with owners of its own.
pub(super) fn layers(ctx: &Context, container: &Container, maps: &Maps) -> Result<PathBuf> {
    if container.image.layers.is_empty() {
        return Ok(ctx.store.layers());
    }
    if !rootless() {
        match mount(ctx, container) {
            Ok(layers) => return Ok(layers),
            Err(Errno::EINVAL | Errno::EPERM | Errno::ENOSYS | Errno::EOPNOTSUPP) => {}
            Err(errno) => return Err(errno).context("mapping the owners of the image's layers"),
        }
    }
    let layers = ctx.store.root.join("mapped").join(maps.name());
    let missing = |layer: &String| !layers.join(layer).is_dir();
    if container.image.layers.iter().any(missing) {
        selinux::make_layers(&layers)?;
        fs::create_dir_all(&layers).with_context(|| format!("making {}", layers.display()))?;
        let image = image::find(ctx, &container.image.id)?;
        image::unpack_mapped(&image, &layers, maps)?;
    }
    Ok(layers)
}

/// After the overlay is mounted it holds its layers by itself.
pub(super) fn let_go(home: &Path, chain: &[String]) -> Result<()> {
    let lower = home.join("lower");
    if !lower.exists() {
        return Ok(());
    }
    for layer in chain {
        unmount(&lower.join(layer).join("diff"))?;
    }
    fs::remove_dir_all(&lower).with_context(|| format!("removing {}", lower.display()))
}

fn mount(ctx: &Context, container: &Container) -> Result<PathBuf, Errno> {
    let no_such = |_| Errno::ENOENT;
    let users = namespace::of(ctx, container).ok_or(Errno::ENOENT)?;
    let owner = File::open(users).map_err(no_such)?;
    let lower = container.home(ctx).join("lower");
    for layer in &container.image.layers {
        let target = lower.join(layer).join("diff");
        fs::create_dir_all(&target).map_err(no_such)?;
        let source = ctx.store.layers().join(layer).join("diff");
        if let Err(errno) = mount_mapped(&source, &owner, &target) {
            // What failed is the error; the rest of the clearing is the container's own.
            let _ = let_go(&container.home(ctx), &container.image.layers);
            return Err(errno);
        }
    }
    Ok(lower)
}
