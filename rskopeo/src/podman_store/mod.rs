//! The store that podman, buildah and skopeo share (containers/storage, driver overlay), read and written with its locks.
//!
//! ```text
//! ROOT/overlay-layers/layers.json      what layers there are; layers.lock guards it and all of ROOT/overlay
//! ROOT/overlay-layers/ID.tar-split.gz  the layer's archive without its files' content
//! ROOT/overlay/ID/diff                 a layer in overlayfs form
//! ROOT/overlay/ID/link                 its short name: ROOT/overlay/l/SHORT is a symbolic link to ../ID/diff
//! ROOT/overlay/ID/lower                l/SHORT of those below it, the nearest first; the lowest has an empty directory, `empty`
//! ROOT/overlay-images/images.json      what images there are; images.lock guards it and ROOT/overlay-images/ID/ (big data)
//! ROOT/overlay-containers/             asked before an image is removed; containers.lock
//! ROOT/overlay/.tmp-*                  a layer on its way in, flock'ed by its maker: the others take no notice of such names
//! ```
//!
//! Locks are taken in this order: layers, images, containers. A layer is unpacked without any, and moved to its place under the
//! layers' lock, so that a long copy stops nobody. An `ID` of a layer is of its diffID and what is below it, as containers/image
//! chooses it; an image's is its config's digest.

mod big_data;
mod images;
mod layer_table;
mod layers;
mod lock;
mod metadata;
mod records;
mod remove;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::store::Layers;

pub use big_data::{MANIFEST, manifest_key, signature_key};
pub use images::{Images, NewImage, find, images};
pub use layer_table::{Incoming, LayerTable};
pub use layers::{chain, layers};
pub use metadata::Metadata;
pub use records::{ImageRecord, LayerRecord};
pub use remove::remove_image;

#[derive(Clone, Debug)]
pub struct PodmanStore {
    root: PathBuf,
    /// What podman notes for as long as the machine runs.
    runroot: PathBuf,
    /// Stores that are only read (`additionalimagestores`), one after the other.
    additional: Vec<PodmanStore>,
}

impl PodmanStore {
    pub fn at(root: &Path, runroot: Option<&Path>) -> Self {
        let runroot = runroot.unwrap_or(Path::new("/run/containers/storage"));
        Self {
            root: root.to_owned(),
            runroot: runroot.to_owned(),
            additional: Vec::new(),
        }
    }

    /// The same, with images of another one that is only read.
    pub fn and(mut self, root: &Path) -> Self {
        self.additional.push(Self::at(root, None));
        self
    }

    /// This one and those that are only read.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.additional)
    }

    /// Whether there is one.
    pub fn exists(&self) -> bool {
        self.images_directory().exists() || self.layers_directory().exists()
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the directories that are missing, and removes what killed processes have left.
    pub fn create(&self) -> Result<()> {
        let private = [
            self.overlay(),
            self.layers_directory(),
            self.images_directory(),
        ];
        let links = self.overlay().join("l");
        for (directory, mode) in private
            .into_iter()
            .map(|directory| (directory, 0o700))
            .chain([(links, 0o755)])
        {
            DirBuilder::new()
                .recursive(true)
                .mode(mode)
                .create(&directory)
                .with_context(|| format!("creating {}", directory.display()))?;
        }
        self.arriving().sweep()
    }

    /// Where layers are unpacked before they have their place.
    pub fn arriving(&self) -> Layers {
        Layers::at(&self.overlay())
    }

    fn overlay(&self) -> PathBuf {
        self.root.join("overlay")
    }

    fn layers_directory(&self) -> PathBuf {
        self.root.join("overlay-layers")
    }

    fn images_directory(&self) -> PathBuf {
        self.root.join("overlay-images")
    }

    fn containers_directory(&self) -> PathBuf {
        self.root.join("overlay-containers")
    }
}
