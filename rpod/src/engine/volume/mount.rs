//! Volumes on which a file system is mounted while they are used: mount(8) does it, as it knows every kind of file system.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{Volume, users};
use crate::engine::Context;
use crate::engine::container::overlay::{is_mount_point, unmount};
use crate::store::directory::remove_if_there;

/// Mounts it unless it is mounted already.
pub(super) fn up(ctx: &Context, volume: &Volume) -> Result<()> {
    if !volume.is_mounted_when_used() {
        return Ok(());
    }
    let data = volume.data(ctx);
    let _lock = super::lock(ctx)?;
    if is_mount_point(&data)? {
        return Ok(());
    }
    if let Some(image) = &volume.image {
        return image.mount(ctx, volume);
    }
    let mut command = Command::new("mount");
    let kind = volume.options.get("type").map(String::as_str);
    let mut options: Vec<&str> = volume.options.get("o").map_or(Vec::new(), |list| {
        list.split(',')
            .filter(|option| !option.is_empty() && *option != "noquota")
            .collect()
    });
    let size = volume.options.get("size").filter(|_| kind == Some("tmpfs"));
    let size = size.map(|size| format!("size={size}"));
    options.extend(size.as_deref());
    match kind {
        // To mount(8) that is no kind of file system.
        Some("bind") => options.push("bind"),
        Some(kind) => _ = command.arg("-t").arg(kind),
        None => {}
    }
    if !options.is_empty() {
        command.arg("-o").arg(options.join(","));
    }
    let device = volume.options.get("device");
    let device = device.map(String::as_str).or(kind);
    let output = command
        .arg("--")
        .arg(device.unwrap_or("none"))
        .arg(&data)
        .output()
        .context("starting mount")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        // What follows is mount(8)'s advice.
        bail!("{}", said.trim().lines().next().unwrap_or("mount failed"));
    }
    Ok(())
}

/// Unmounts it if neither a person nor a running container but `ended` uses it.
pub(super) fn down_if_unused(ctx: &Context, volume: &Volume, ended: Option<&str>) -> Result<()> {
    if !volume.is_mounted_when_used() || count(ctx, volume, ended)? > 0 {
        return Ok(());
    }
    let _lock = super::lock(ctx)?;
    unmount(&volume.data(ctx))
}

/// How many use it now: running containers and a person.
pub fn count(ctx: &Context, volume: &Volume, without: Option<&str>) -> Result<usize> {
    let mut count = usize::from(mark(ctx, volume).exists());
    for user in users(ctx, &volume.name)? {
        if Some(user.id.as_str()) != without && ctx.store.status(&user.id)?.is_active() {
            count += 1;
        }
    }
    Ok(count)
}

/// Mounts it for a person; the answer is where it is.
pub fn mount(ctx: &Context, volume: &Volume) -> Result<PathBuf> {
    let mark = mark(ctx, volume);
    let marking = || format!("making {}", mark.display());
    fs::create_dir_all(mark.parent().unwrap_or(&mark)).with_context(marking)?;
    fs::write(&mark, "").with_context(marking)?;
    up(ctx, volume)?;
    Ok(volume.data(ctx))
}

/// Takes a person's mount back.
pub fn unmount_volume(ctx: &Context, volume: &Volume) -> Result<()> {
    forget(ctx, volume)?;
    down_if_unused(ctx, volume, None)
}

pub(super) fn forget(ctx: &Context, volume: &Volume) -> Result<()> {
    let mark = mark(ctx, volume);
    remove_if_there(&mark)
}

fn mark(ctx: &Context, volume: &Volume) -> PathBuf {
    ctx.store.runroot.join("volumes").join(&volume.name)
}
