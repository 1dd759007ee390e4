//! An OCI image layout (image-spec, image-layout.md): blobs, and an index that names what is made of them. The images lie in one,
//! `ROOT/images`, the artifacts in another.
//!
//! A blob is whole when it has its name, and nothing is there before the index says so: a process killed on the way leaves what the
//! next [`sweep`] takes away. Who adds something holds the layout's lock shared ([`Layout::hold`]) until the index has it.

mod blob;
pub mod index;
pub mod sweep;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;

pub use blob::Blob;
pub use index::Index;

use crate::store::record::{self, Durability};
use crate::store::{Lock, Store, id};

/// One layout directory, which may not be there yet.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    pub fn images(store: &Store) -> Layout {
        Layout {
            root: store.images(),
        }
    }

    pub fn artifacts(store: &Store) -> Layout {
        Layout {
            root: store.root.join("artifacts"),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs/sha256")
    }

    /// Where a blob is, or would be.
    pub fn blob(&self, digest: &str) -> Result<PathBuf> {
        Ok(self.blobs().join(hex(digest)?))
    }

    /// Reads a blob that is JSON.
    pub fn read<T: DeserializeOwned>(&self, digest: &str) -> Result<T> {
        let path = self.blob(digest)?;
        let bytes = fs::read(&path).with_context(|| {
            format!(
                "reading {} of the image store: pull the image again",
                path.display()
            )
        })?;
        serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is damaged: pull the image again", path.display()))
    }

    /// Keeps the sweep away from blobs that nothing names yet.
    pub fn hold(&self) -> Result<Lock> {
        self.make()?;
        Lock::shared(&self.root)
    }

    /// The index as it is; empty where nothing was ever pulled.
    pub fn index(&self) -> Result<Index> {
        Ok(record::load_if_there(&self.index_path())?.unwrap_or_default())
    }

    /// Change the index under its lock, which rskopeo takes, too. Nothing is written if `change` fails.
    pub fn edit<T>(&self, change: impl FnOnce(&mut Index) -> Result<T>) -> Result<T> {
        self.make()?;
        let _held = Lock::exclusive(&self.index_lock())?;
        let mut index = self.index()?;
        let result = change(&mut index)?;
        record::save(&self.index_path(), &index, Durability::Disk)?;
        Ok(result)
    }

    /// Gives a damaged index another name, which is the answer.
    pub fn put_index_aside(&self) -> Result<PathBuf> {
        let path = self.index_path();
        let aside = path.with_file_name(format!(
            "index.json.damaged-{}",
            jiff::Timestamp::now().as_second()
        ));
        fs::rename(&path, &aside).with_context(|| format!("moving {} away", path.display()))?;
        Ok(aside)
    }

    fn make(&self) -> Result<()> {
        fs::create_dir_all(&self.root)
            .with_context(|| format!("making {}", self.root.display()))?;
        let lock = self.index_lock();
        fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&lock)
            .with_context(|| format!("making {}", lock.display()))
            .map(drop)
    }

    fn index_path(&self) -> PathBuf {
        self.root.join("index.json")
    }

    fn index_lock(&self) -> PathBuf {
        self.root.join("index.lock")
    }
}

/// A digest names a file, so nothing but hex may be in it.
pub fn hex(digest: &str) -> Result<&str> {
    match digest.strip_prefix("sha256:") {
        Some(hex) if id::is_whole(hex) => Ok(hex),
        _ => bail!("{digest:?} is not a sha256 digest"),
    }
}
