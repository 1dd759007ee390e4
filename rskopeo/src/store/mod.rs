//! rpod's image store: an OCI image layout, and each layer unpacked once.
//!
//! ```text
//! ROOT/images/                the layout; index.json names images by their full reference
//! ROOT/images/index.lock      flock LOCK_EX while index.json is changed
//! ROOT/layers/<chainID>/diff  a layer in overlayfs form; there means whole
//! ROOT/layers/.tmp-*/         a layer in the making, flock'ed by its maker
//! ROOT/signatures/<digest>/   signature-1 and so on, of the manifest with this digest (its hex)
//! ```
//!
//! `ROOT/images` itself is flock'ed LOCK_SH during an import, so that whoever sweeps unreferenced blobs and layers (LOCK_EX)
//! takes nothing that is about to be referenced.

mod flusher;
mod layers;
mod names;
mod spread;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::digest::Digest;
use crate::transport::{INDEX_LOCK, Layout};

pub use flusher::Flusher;
pub use layers::{Layers, Staged};
pub use names::name_image;

#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The caller's own; nothing is touched.
    ///
    /// # Errors
    /// The caller has no home for a store.
    pub fn default() -> Result<Self> {
        default_root().map(|root| Self { root })
    }

    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Makes the directories that are missing.
    pub fn create(&self) -> Result<()> {
        fs::create_dir_all(&self.root)
            .with_context(|| format!("creating {}", self.root.display()))?;
        self.images().create()?;
        let lock = self.images_path().join(INDEX_LOCK);
        File::options()
            .append(true)
            .create(true)
            .open(&lock)
            .with_context(|| format!("creating {}", lock.display()))?;
        Ok(())
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn images_path(&self) -> PathBuf {
        self.root.join("images")
    }

    pub fn images(&self) -> Layout {
        Layout::at(&self.images_path(), None)
    }

    /// Where a signature of a manifest is, the first of which has the number 1.
    pub fn signature_path(&self, manifest: &Digest, number: usize) -> PathBuf {
        self.root
            .join("signatures")
            .join(manifest.hex())
            .join(format!("signature-{number}"))
    }

    pub fn layers(&self) -> Layers {
        Layers::at(&self.root.join("layers"))
    }
}

/// Keeps a sweep of the layout in `images` away for as long as the answer lives.
pub fn import_lock(images: &Path) -> Result<File> {
    let directory = File::open(images).with_context(|| format!("open {}", images.display()))?;
    directory
        .lock_shared()
        .with_context(|| format!("locking {}", images.display()))?;
    Ok(directory)
}

/// The same for a layout that may be no store at all: others are swept by nobody, and locked as a whole while they change.
pub fn store_lock(layout: &Path) -> Result<Option<File>> {
    match layout.join(INDEX_LOCK).exists() {
        true => import_lock(layout).map(Some),
        false => Ok(None),
    }
}

/// `/var/lib/rpod` for root, `$XDG_DATA_HOME/rpod` for others.
fn default_root() -> Result<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Ok("/var/lib/rpod".into());
    }
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|data| data.join("rpod"))
        .context("neither XDG_DATA_HOME nor HOME is set: name the store as containers-storage:[rpod@ROOT+RUNROOT]NAME")
}
