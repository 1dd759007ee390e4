//! Blobs, signatures and layers that nothing refers to any more.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{index, list, manifest, summary};
use crate::engine::Context;
use crate::store::directory::entries;
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
    sweep_directory(&context.store.layers(), &layers)?;
    sweep_mapped(&context.store.root.join("mapped"), &layers)
}

/// `mapped/<map>/<layer>`: layers that were unpacked once more. A map's own directory stays: somebody may be about to unpack into it.
fn sweep_mapped(directory: &Path, kept: &BTreeSet<String>) -> Result<()> {
    for map in entries(directory)? {
        sweep_directory(&map, kept)?;
    }
    Ok(())
}

/// Remove what has an id for its name and is not kept, and what a killed process left half-made.
fn sweep_directory(directory: &Path, kept: &BTreeSet<String>) -> Result<()> {
    for path in entries(directory)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let half_made = name.starts_with(".tmp-");
        if !(half_made || id::is_whole(&name) && !kept.contains(&*name)) {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn mapped_layers_go_with_the_plain_ones() {
        let dir = tempfile::tempdir().unwrap();
        let (kept, gone) = ("a".repeat(64), "b".repeat(64));
        for layer in [&kept, &gone] {
            fs::create_dir_all(dir.path().join("0-1-65536").join(layer).join("diff")).unwrap();
        }
        sweep_mapped(dir.path(), &BTreeSet::from([kept.clone()])).unwrap();
        let left: Vec<_> = fs::read_dir(dir.path().join("0-1-65536"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, [kept.as_str()]);
        sweep_mapped(&dir.path().join("none"), &BTreeSet::new()).unwrap();
    }
}
