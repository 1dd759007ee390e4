//! Which containers a pod has: a symbolic link for each in the pod's directory.
//!
//! The link is made before the container's record and removed after it. A link that leads to no record is of a container that is
//! just being made, or was left by a killed process; whoever meets the latter takes it away.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::record::Pod;
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::store::directory::remove_if_there;
use crate::store::{Noun, record as file};

fn directory(ctx: &Context, pod: &str) -> PathBuf {
    ctx.store.home(Noun::Pod, pod).join("containers")
}

/// Puts a container into a pod. Its home is there and locked; its record is not there yet.
pub fn enter(ctx: &Context, pod: &str, container: &str) -> Result<()> {
    let link = directory(ctx, pod).join(container);
    let target = Path::new("../../../containers").join(container);
    symlink(target, &link).with_context(|| format!("making {}", link.display()))
}

/// Takes a container out of a pod. Its record is gone.
pub fn leave(ctx: &Context, pod: &str, container: &str) -> Result<()> {
    let link = directory(ctx, pod).join(container);
    remove_if_there(&link)
}

/// The containers of a pod: the infra container, then the others, oldest first.
pub fn members(ctx: &Context, pod: &Pod) -> Result<Vec<Container>> {
    of(ctx, &pod.id)
}

/// The same for a pod whose record may be gone.
pub(super) fn of(ctx: &Context, pod: &str) -> Result<Vec<Container>> {
    let dir = directory(ctx, pod);
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("listing {}", dir.display())),
    };
    let mut all: Vec<Container> = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("listing {}", dir.display()))?;
        let Ok(id) = entry.file_name().into_string() else {
            continue;
        };
        match file::load_if_there(&ctx.store.record(Noun::Container, &id))? {
            Some(container) => all.push(container),
            None if !ctx.store.home(Noun::Container, &id).exists() => leave(ctx, pod, &id)?,
            None => {}
        }
    }
    all.sort_by(|a, b| {
        b.infra
            .cmp(&a.infra)
            .then_with(|| a.created.cmp(&b.created))
    });
    Ok(all)
}
