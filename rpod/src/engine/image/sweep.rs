//! Blobs, signatures and layers that nothing refers to any more.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use super::{list, manifest, summary};
use crate::engine::layout::{Layout, hex, sweep};
use crate::engine::{Context, volume};
use crate::store::Lock;
use crate::store::directory::entries;
use crate::store::readable::{self, Damaged};

/// Remove them. A store that somebody is importing into, or making a container from, is left for the next sweep; so is one with
/// something damaged, of which nobody knows what it refers to: that is told.
pub fn sweep(context: &Context) -> Result<()> {
    let layout = Layout::images(&context.store);
    let images = layout.root();
    if !images.exists() {
        return Ok(());
    }
    let Some(_alone) = Lock::try_exclusive(images)? else {
        return Ok(());
    };
    let Used { blobs, layers } = match used(context) {
        Err(damage) if damage.is::<Damaged>() => {
            readable::tell(&damage.context("blobs and layers of no image are kept for now"));
            return Ok(());
        }
        used => used?,
    };
    sweep::directory(&layout.blobs(), &blobs)?;
    sweep::directory(&context.store.image_root().join("signatures"), &blobs)?;
    sweep::directory(&context.store.layers(), &layers)?;
    sweep_mapped(&context.store.root.join("mapped"), &layers)
}

/// What images, containers and volumes refer to.
#[derive(Default)]
struct Used {
    blobs: BTreeSet<String>,
    layers: BTreeSet<String>,
}

fn used(context: &Context) -> Result<Used> {
    let index = Layout::images(&context.store).index()?;
    let mut used = Used::default();
    for digest in index.digests() {
        let image = super::read(&context.store, &index, digest)?;
        let manifest = manifest::manifest(&context.store, digest)?;
        used.blobs.insert(hex(digest)?.to_owned());
        for blob in manifest.layers.iter().chain([&manifest.config]) {
            used.blobs.insert(hex(&blob.digest)?.to_owned());
        }
        used.layers.extend(image.layers);
    }
    for list in index.lists() {
        used.blobs.extend(list::blobs(&context.store, &list)?);
    }
    for container in summary::containers(context)?.all()? {
        used.layers.extend(container.image.layers);
    }
    used.layers.extend(volume::backing::layers(context)?);
    Ok(used)
}

/// `mapped/<map>/<layer>`: layers that were unpacked once more. A map's own directory stays: somebody may be about to unpack into it.
fn sweep_mapped(directory: &Path, kept: &BTreeSet<String>) -> Result<()> {
    for map in entries(directory)? {
        sweep::directory(&map, kept)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

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
