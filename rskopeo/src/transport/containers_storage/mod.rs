//! `containers-storage:[driver@ROOT+RUNROOT]name`, or `@id` in the place of the name: an image in a store from which containers run.
//!
//! There are two kinds of store: rpod's own, which is also the one that is meant where none is named, and podman's. The driver tells
//! them apart (`rpod`, `overlay`); where only a root is given, what lies there does.

mod podman_destination;
mod podman_source;
mod rpod;

use std::path::Path;

use anyhow::{Result, bail};

use super::{Destination, Source};
use crate::podman_store::{self, PodmanStore};
use crate::reference::{StoreSpec, StoredImage};
use crate::store::Store;

use podman_destination::PodmanDestination;
use podman_source::PodmanSource;
use rpod::{StorageDestination, StorageSource};

enum Kind {
    Rpod(Store),
    Podman(PodmanStore),
}

/// Options of podman's that name further stores, which are only read.
const STORES: [&str; 2] = ["imagestore", "additionalimagestore"];
/// Options of podman's that change how a layer is mounted, and nothing that is stored.
const FOR_MOUNTS: [&str; 3] = ["mountopt", "mount_program", "skip_mount_home"];

fn kind(spec: Option<&StoreSpec>) -> Result<Kind> {
    let Some(spec) = spec else {
        return Ok(Kind::Rpod(Store::default()?));
    };
    let mut podman = PodmanStore::at(&spec.root, spec.runroot.as_deref());
    let is_podman = match spec.driver.as_deref() {
        Some("overlay" | "overlay2") => true,
        Some("rpod") => false,
        None => podman.exists(),
        Some(driver) => bail!(
            "storage driver {driver:?} is not supported: use [overlay@ROOT+RUNROOT] for podman's store, [rpod@ROOT+RUNROOT] for rpod's"
        ),
    };
    for option in &spec.options {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let name = name.rsplit('.').next().unwrap_or(name);
        match is_podman {
            true if STORES.contains(&name) => podman = podman.and(store_directory(value)?),
            true if FOR_MOUNTS.contains(&name) => {}
            _ => bail!("storage option {option:?} is not supported: leave it out"),
        }
    }
    Ok(match is_podman {
        true => Kind::Podman(podman),
        false => Kind::Rpod(Store::at(&spec.root)),
    })
}

fn store_directory(value: &str) -> Result<&Path> {
    let path = Path::new(value);
    if !path.is_absolute() {
        bail!("image store {value:?} is not an absolute path");
    }
    if !path.is_dir() {
        bail!("image store {value:?} is not a directory");
    }
    Ok(path)
}

/// Whether it is podman's store, whose files belong to many users.
pub fn is_podmans(spec: Option<&StoreSpec>) -> bool {
    matches!(kind(spec), Ok(Kind::Podman(_)))
}

pub fn open_source(spec: Option<&StoreSpec>, image: &StoredImage) -> Result<Box<dyn Source>> {
    Ok(match kind(spec)? {
        Kind::Rpod(store) => Box::new(StorageSource::open(&store, image)?),
        Kind::Podman(store) => Box::new(PodmanSource::open(store, image)?),
    })
}

pub fn open_destination(
    spec: Option<&StoreSpec>,
    image: &StoredImage,
) -> Result<Box<dyn Destination>> {
    Ok(match kind(spec)? {
        Kind::Rpod(store) => Box::new(StorageDestination::create(&store, image)?),
        Kind::Podman(store) => Box::new(PodmanDestination::create(store, image)?),
    })
}

/// Takes the image's name out of rpod's store, where the rest is swept by rpod; removes the image from podman's.
pub fn delete(spec: Option<&StoreSpec>, image: &StoredImage) -> Result<()> {
    match kind(spec)? {
        Kind::Rpod(store) => rpod::delete(&store, image),
        Kind::Podman(store) => podman_store::remove_image(&store, image),
    }
}
