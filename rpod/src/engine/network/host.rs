//! Several stores on one host meet on its bridges and ports: two roots both have their default network on `podman0`.
//!
//! ```text
//! /run/rpod-networks                    locked by root's rpod while networks are set up, whatever its store
//! /run/rpod-networks/<netns>/<dir>      symbolic link to the run directory of a store that has connections in this network
//! ```
//!
//! `<netns>` and `<dir>` are the inode numbers of the host's network namespace and of the directory. An ordinary user's bridges are
//! in a namespace of the store's own, where nobody else is.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::engine::{Context, rootless};
use crate::store::Lock;
use crate::store::directory::{entries, remove_if_there};

const HOST: &str = "/run/rpod-networks";

/// Keeps all others from setting up networks on this host.
pub(super) fn lock(ctx: &Context) -> Result<Lock> {
    let own = ctx.store.runroot.join("networks");
    fs::create_dir_all(&own).with_context(|| format!("making {}", own.display()))?;
    if rootless() {
        return Lock::exclusive(&own);
    }
    fs::create_dir_all(HOST).with_context(|| format!("making {HOST}"))?;
    Lock::exclusive(Path::new(HOST))
}

/// Lets others know of this store's connections, which are in its run directory.
pub(super) fn enter(ctx: &Context) -> Result<()> {
    if rootless() {
        return Ok(());
    }
    let link = link(ctx)?;
    let entering = || format!("making {}", link.display());
    fs::create_dir_all(link.parent().unwrap_or(Path::new(HOST))).with_context(entering)?;
    match symlink(&ctx.store.runroot, &link) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            if fs::read_link(&link).is_ok_and(|target| target == ctx.store.runroot) {
                return Ok(());
            }
            // Of a directory that is gone, whose number was given to ours.
            fs::remove_file(&link).with_context(entering)?;
            symlink(&ctx.store.runroot, &link).with_context(entering)
        }
        made => made.with_context(entering),
    }
}

/// The store has no connection any more.
pub(super) fn leave(ctx: &Context) -> Result<()> {
    if rootless() {
        return Ok(());
    }
    let link = link(ctx)?;
    remove_if_there(&link)?;
    // The last one takes the directory away; it is not empty for any other.
    if let Some(directory) = link.parent() {
        let _ = fs::remove_dir(directory);
    }
    Ok(())
}

/// The run directories of other stores with connections here. What a reboot or a removed store left is taken away.
pub(super) fn neighbours(ctx: &Context) -> Result<Vec<PathBuf>> {
    if rootless() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for link in entries(&directory()?)? {
        let runroot =
            fs::read_link(&link).with_context(|| format!("reading {}", link.display()))?;
        if !runroot.join("netns").exists() {
            fs::remove_file(&link).with_context(|| format!("removing {}", link.display()))?;
        } else if runroot != ctx.store.runroot {
            found.push(runroot);
        }
    }
    Ok(found)
}

fn directory() -> Result<PathBuf> {
    let own = "/proc/self/ns/net";
    let number = fs::metadata(own)
        .with_context(|| format!("looking at {own}"))?
        .ino();
    Ok(Path::new(HOST).join(number.to_string()))
}

fn link(ctx: &Context) -> Result<PathBuf> {
    let runroot = &ctx.store.runroot;
    let number = fs::metadata(runroot)
        .with_context(|| format!("looking at {}", runroot.display()))?
        .ino();
    Ok(directory()?.join(number.to_string()))
}
