//! Where containers and images are, and how many.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use nix::sys::statfs::statfs;
use serde_json::{Value, json};

use super::program::Programs;
use crate::config::storage_options;
use crate::engine::container::status::Status;
use crate::engine::{Context, container, image, volume};

pub(super) fn store(ctx: &Context) -> Result<Value> {
    let (mut running, mut paused, mut stopped) = (0, 0, 0);
    let containers = container::all(ctx)?;
    let mut statuses = ctx.store.statuses()?;
    for container in &containers {
        match statuses.of(&container.id)? {
            Status::Paused(_) => paused += 1,
            Status::Running(_) => running += 1,
            _ => stopped += 1,
        }
    }
    let root = &ctx.store.root;
    fs::create_dir_all(root).with_context(|| format!("making {}", root.display()))?;
    let disk =
        nix::sys::statvfs::statvfs(root).with_context(|| format!("statfs {}", root.display()))?;
    let fragment = disk.fragment_size();
    Ok(json!({
        "containerStore": { "number": containers.len(), "paused": paused, "running": running, "stopped": stopped },
        "graphDriverName": "overlay",
        "graphOptions": options()?,
        "graphRoot": root,
        "graphRootAllocated": disk.blocks() * fragment,
        "graphRootUsed": (disk.blocks() - disk.blocks_free()) * fragment,
        "imageCopyTmpDir": Context::temporary_directory(),
        "graphStatus": status(root)?,
        "configFile": "",
        "transientStore": false,
        "imageStore": { "number": image::count(ctx)? },
        "runRoot": ctx.store.runroot,
        "volumePath": volume::directory(ctx),
    }))
}

/// storage.conf's, or those in their place.
fn options() -> Result<Value> {
    let options = storage_options()?;
    let mut shown = json!({});
    if !options.additional_image_stores.is_empty() {
        shown["overlay.additionalImageStores"] = json!(options.additional_image_stores);
    }
    if let Some(program) = &options.mount_program {
        let programs = Programs::of(std::slice::from_ref(program));
        shown["overlay.mount_program"] = programs.executable(program);
    }
    let quota = &options.quota;
    for (name, limit) in [("size", quota.size), ("inodes", quota.inodes)] {
        if limit > 0 {
            shown[format!("overlay.{name}")] = json!(limit.to_string());
        }
    }
    Ok(shown)
}

/// What overlayfs is and has here.
fn status(root: &Path) -> Result<Value> {
    let metacopy = fs::read_to_string("/sys/module/overlay/parameters/metacopy");
    let metacopy = metacopy.is_ok_and(|text| text.starts_with('Y'));
    Ok(json!({
        "Backing Filesystem": file_system(root)?,
        "Native Overlay Diff": (!metacopy).to_string(),
        "Supports d_type": "true",
        "Supports volatile": "true",
        "Using metacopy": metacopy.to_string(),
    }))
}

/// The file system that a path is on, in podman's words.
pub(in crate::engine) fn file_system(path: &Path) -> Result<String> {
    let about = statfs(path).with_context(|| format!("statfs {}", path.display()))?;
    let name = match about.filesystem_type().0 as i64 {
        0xef53 => "extfs",
        0x5846_5342 => "xfs",
        0x9123_683e => "btrfs",
        0x0102_1994 => "tmpfs",
        0x794c_7630 => "overlayfs",
        0x2fc1_2fc1 => "zfs",
        0xf2f5_2010 => "f2fs",
        0x6969 => "nfs",
        magic => return Ok(format!("{magic:#x}")),
    };
    Ok(name.to_owned())
}
