//! An OCI image layout (image-spec, image-layout.md): blobs, and an index that names what is made of them. The images lie in one,
//! `ROOT/images`, the artifacts in another.
//!
//! A blob is whole when it has its name, and nothing is there before the index says so: a process killed on the way leaves what the
//! next [`sweep`] takes away. Who adds something holds the layout's lock shared ([`Layout::hold`]) until the index has it.

mod blob;
pub mod index;
mod rebuild;
pub mod sweep;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;

pub use blob::Blob;
pub use index::Index;

use crate::store::readable::{Damaged, damaged};
use crate::store::record::{self, Durability};
use crate::store::{Lock, Store, id};

/// One layout directory, which may not be there yet.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
    /// What a person calls what lies in it.
    noun: &'static str,
}

impl Layout {
    pub fn images(store: &Store) -> Layout {
        Layout {
            root: store.images(),
            noun: "image",
        }
    }

    pub fn artifacts(store: &Store) -> Layout {
        Layout {
            root: store.root.join("artifacts"),
            noun: "artifact",
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
        let (path, noun) = (self.blob(digest)?, self.noun);
        let reading = || format!("reading {} of the {noun} store", path.display());
        let bytes = fs::read(&path).with_context(reading)?;
        serde_json::from_slice(&bytes).with_context(reading)
    }

    /// Says of an error what is damaged by it, and how it is mended.
    pub fn damaged(&self, index: &Index, digest: &str, error: anyhow::Error) -> anyhow::Error {
        let names = index.names_of(digest).join(", ");
        let name = if names.is_empty() { digest } else { &names };
        let noun = self.noun;
        error.context(Damaged::with(
            format!("{noun} {name}"),
            format!("get it anew, or remove it with \"rpod {noun} rm\""),
        ))
    }

    /// Keeps the sweep away from blobs that nothing names yet.
    pub fn hold(&self) -> Result<Lock> {
        self.make()?;
        Lock::shared(&self.root)
    }

    /// The index as it is; empty where nothing was ever pulled.
    pub fn index(&self) -> Result<Index> {
        let index = record::load_if_there(&self.index_path());
        let index = index.map_err(|error| damaged(format!("the list of {}s", self.noun), error))?;
        Ok(index.unwrap_or_default())
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
