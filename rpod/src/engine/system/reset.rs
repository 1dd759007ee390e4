//! Everything goes: podman-system-reset(1).
//!
//! Pods, containers, mounts, volumes and networks first, each as its own command would remove it; then the directories, of which
//! only what rpod makes is removed. Nothing is removed through a mount: what is still mounted is let go of before.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::mounts;
use crate::engine::{Context, container, network, pod, volume};
use crate::store::Noun;

/// What rpod makes in its directories.
const OWN: &[&str] = &[
    "artifacts",
    "checkpoints",
    "containers",
    "events",
    "exits",
    "healthchecks",
    "image-mounts",
    "images",
    "layers",
    "manifests",
    "mapped",
    "mounts",
    "names",
    "netns",
    "networks",
    "pods",
    "rootless-netns",
    "secrets",
    "secrets.json",
    "signatures",
    "userns",
    "volumes",
];

/// Removes all there is. The answer is what was found in the directories that is not rpod's, and was left.
pub fn reset(ctx: &Context) -> Result<Vec<PathBuf>> {
    for pod in pod::all(ctx)? {
        pod::remove::remove(ctx, &pod, true, Some(0))
            .with_context(|| format!("removing pod {}", pod.name))?;
    }
    // Who needs another is younger than it.
    for container in container::all(ctx)?.iter().rev() {
        container::remove::remove(ctx, container, true, Some(0))
            .with_context(|| format!("removing container {}", container.name))?;
    }
    for id in ctx
        .store
        .ids(Noun::Container)
        .context("listing containers")?
    {
        container::remove::remove_damaged(ctx, &id)?;
    }
    for id in network::connection::all(ctx)?.keys() {
        network::connection::down(ctx, id)?;
    }
    for volume in volume::all(ctx)? {
        volume::remove::remove(ctx, &volume, true, Some(0))
            .with_context(|| format!("removing volume {}", volume.name))?;
    }
    let mut left = Vec::new();
    let store = &ctx.store;
    let directories = [&store.root, &store.runroot].into_iter();
    for directory in directories.chain(&store.imagestore) {
        mounts::detach_below(directory)?;
        if !mounts::below(directory)?.is_empty() {
            bail!(
                "{} still has mounts below it: unmount them first",
                directory.display()
            );
        }
        remove_own(directory, &mut left)?;
    }
    left.extend(network::configured_directory(ctx).map(Path::to_owned));
    Ok(left)
}

fn remove_own(directory: &Path, left: &mut Vec<PathBuf>) -> Result<()> {
    let context = || format!("removing {}", directory.display());
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(context)?,
    };
    let before = left.len();
    for entry in entries {
        let entry = entry.with_context(context)?;
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        if !OWN.contains(&name.as_ref()) && !name.starts_with(".tmp-") {
            left.push(path);
            continue;
        }
        let removing = || format!("removing {}", path.display());
        if entry.file_type().with_context(removing)?.is_dir() {
            fs::remove_dir_all(&path).with_context(removing)?;
        } else {
            fs::remove_file(&path).with_context(removing)?;
        }
    }
    if left.len() == before {
        fs::remove_dir(directory).with_context(context)?;
    }
    Ok(())
}
