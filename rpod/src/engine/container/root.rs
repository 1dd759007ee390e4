//! The root file system of a container: its image's layers under a directory of its own, or a directory of the host's.

use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::overlay::{self, Overlay};
use super::record::{Container, Directory, DirectoryKind};
use super::{mapped, tree, upper};
use crate::config::storage_options;
use crate::engine::Context;
use crate::engine::quota::Quota;
use crate::engine::user_namespace::{Maps, namespace};

/// Decides how much may be written over it, which is nothing new for the like of another container.
pub(super) fn settle_quota(container: &mut Container) -> Result<()> {
    let directory = container.rootfs.as_ref().map(|directory| &directory.kind);
    let is_over = directory.is_none_or(|kind| *kind == DirectoryKind::Overlay);
    // To a directory of the host's own nothing is set, and nobody writes beside the program that holds a pod's namespaces.
    if !is_over || container.pause.is_some() {
        container.quota = Quota::default();
        return Ok(());
    }
    let asked = storage_options()?.quota;
    if !asked.is_none() {
        container.quota = asked;
    }
    Ok(())
}

/// What is limited is made at once: a disk that cannot do it is told before there is a container.
pub(super) fn make_limited(container: &Container, home: &Path) -> Result<()> {
    match &container.rootfs {
        _ if container.quota.is_none() => Ok(()),
        None => upper::make(home, &container.quota),
        Some(_) => upper::make_open(home, &container.quota).map(drop),
    }
}

/// Mounts it on `rootfs` in the container's directory. One that is mounted is left alone.
pub(super) fn mount(ctx: &Context, container: &Container, home: &Path) -> Result<()> {
    match &container.rootfs {
        None => mount_image(ctx, container, home),
        Some(directory) => {
            upper::make_open(home, &container.quota)?;
            let target = home.join("rootfs");
            if overlay::is_mount_point(&target)? {
                return Ok(());
            }
            mount_directory(ctx, container, directory, home)
                .with_context(|| format!("root file system {}", directory.path.display()))
        }
    }
}

fn mount_directory(
    ctx: &Context,
    container: &Container,
    directory: &Directory,
    home: &Path,
) -> Result<()> {
    let (source, target) = (&directory.path, home.join("rootfs"));
    match &directory.kind {
        DirectoryKind::Plain => tree::mount_private(source, &target),
        DirectoryKind::Overlay => {
            let label = container.security.mount_label.as_deref();
            overlay::over(
                source,
                &home.join("upper"),
                &home.join("work"),
                &target,
                label,
            )
        }
        DirectoryKind::Mapped(None) => {
            let Some(users) = namespace::of(ctx, container) else {
                bail!(
                    "idmap: the container has no users of its own: give it some with --userns or --uidmap, or say idmap=uids=…;gids=…"
                );
            };
            let owner =
                File::open(&users).with_context(|| format!("opening {}", users.display()))?;
            tree::mount_mapped(source, &owner, &target).context("mapping its owners")
        }
        DirectoryKind::Mapped(Some(maps)) => {
            let users = namespace::path(ctx, &format!("{}-rootfs", container.id));
            namespace::make(&users, maps)?;
            let mounted = File::open(&users)
                .context("opening the map of its owners")
                .and_then(|owner| {
                    tree::mount_mapped(source, &owner, &target).context("mapping its owners")
                });
            namespace::remove(&users)?;
            mounted
        }
    }
}

/// What was written over a directory goes with the container's process.
pub(super) fn release(container: &Container, home: &Path) -> Result<()> {
    let is_over = |directory: &Directory| directory.kind == DirectoryKind::Overlay;
    if !container.rootfs.as_ref().is_some_and(is_over) {
        return Ok(());
    }
    upper::remove(home)
}

fn mount_image(ctx: &Context, container: &Container, home: &Path) -> Result<()> {
    for layer in &container.image.layers {
        let diff = ctx.store.layers().join(layer);
        if !diff.exists() {
            bail!(
                "layer {layer} of image {} is missing in {}: pull the image again",
                container.image.name,
                ctx.store.layers().display()
            );
        }
    }
    let maps = container.user_namespace.maps();
    let is_there = overlay::is_mounted(&home.join("rootfs"))?;
    let layers = match maps {
        Some(maps) if !is_there => mapped::layers(ctx, container, maps)?,
        _ => ctx.store.layers(),
    };
    let mounted = Overlay {
        layers: &layers,
        chain: &container.image.layers,
        home,
        volatile: container.goes_at_end(),
        userxattr: crate::engine::rootless(),
        owner: maps.map_or((0, 0), Maps::root),
        label: container.security.mount_label.as_deref(),
        quota: container.quota,
    }
    .mount();
    mapped::let_go(home, &container.image.layers)?;
    mounted
}
