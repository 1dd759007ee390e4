//! Blobs, signatures and layers that nothing refers to any more.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{index, list, manifest, summary};
use crate::engine::Context;
use crate::store::{Lock, id};

/// Remove them. A store that somebody is importing into, or making a container from, is left for the next
/// sweep; so is a store with a damaged manifest, whose blobs cannot be told apart.
pub fn sweep(context: &Context) -> Result<()> {
    let images = context.store.images();
    if !images.exists() {
        return Ok(());
    }
    let Some(_alone) = Lock::try_exclusive(&images)? else {
        return Ok(());
    };
    let index = index::load(&context.store)?;
    let mut blobs = BTreeSet::new();
    let mut layers = BTreeSet::new();
    for digest in index.digests() {
        let manifest = manifest::manifest(&context.store, digest)?;
        let image = manifest::load(&context.store, &index, digest)?;
        blobs.insert(manifest::hex(digest)?.to_owned());
        for blob in manifest.layers.iter().chain([&manifest.config]) {
            blobs.insert(manifest::hex(&blob.digest)?.to_owned());
        }
        layers.extend(image.layers);
    }
    for list in index.lists() {
        blobs.extend(list::blobs(&context.store, &list)?);
    }
    for container in summary::containers(context)? {
        layers.extend(container.image.layers);
    }
    sweep_directory(&images.join("blobs/sha256"), &blobs)?;
    sweep_directory(&context.store.root.join("signatures"), &blobs)?;
    sweep_directory(&context.store.layers(), &layers)
}

/// Remove what has an id for its name and is not kept, and what a killed process left half-made.
fn sweep_directory(directory: &Path, kept: &BTreeSet<String>) -> Result<()> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(error).with_context(|| format!("listing {}", directory.display()));
        }
    };
    for entry in entries {
        let entry = entry.with_context(|| format!("listing {}", directory.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        let half_made = name.starts_with(".tmp-");
        if !(half_made || id::is_whole(&name) && !kept.contains(&name)) {
            continue;
        }
        if half_made && Lock::try_exclusive(&path)?.is_none() {
            continue;
        }
        remove(&path)?;
    }
    Ok(())
}

/// A directory first gets a name that says it is half-made: a removal cut short leaves no half layer.
pub(super) fn remove(path: &Path) -> Result<()> {
    let context = || format!("removing {}", path.display());
    if !path.symlink_metadata().with_context(context)?.is_dir() {
        return fs::remove_file(path).with_context(context);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with(".tmp-") {
        return fs::remove_dir_all(path).with_context(context);
    }
    let doomed = path.with_file_name(format!(".tmp-{name}"));
    fs::rename(path, &doomed).with_context(context)?;
    fs::remove_dir_all(&doomed).with_context(context)
}
