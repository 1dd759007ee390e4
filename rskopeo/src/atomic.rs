//! Files that appear whole or not at all: a temporary name beside the place, fsync, rename.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

/// A file that is removed unless it is [persisted](Temporary::persist).
#[derive(Debug)]
pub struct Temporary(NamedTempFile);

impl Temporary {
    pub fn in_directory(directory: &Path) -> Result<Self> {
        Self::of_mode(directory, 0o644)
    }

    fn of_mode(directory: &Path, mode: u32) -> Result<Self> {
        tempfile::Builder::new()
            .prefix(".tmp-")
            .permissions(PermissionsExt::from_mode(mode))
            .tempfile_in(directory)
            .map(Self)
            .with_context(|| format!("creating a temporary file in {}", directory.display()))
    }

    /// Gives the file its name, after its bytes are on the disk.
    pub fn persist(self, path: &Path) -> Result<()> {
        self.0
            .as_file()
            .sync_data()
            .with_context(|| format!("syncing {}", path.display()))?;
        self.0
            .persist(path)
            .with_context(|| format!("renaming to {}", path.display()))?;
        Ok(())
    }

    pub fn file(&mut self) -> &mut File {
        self.0.as_file_mut()
    }
}

impl Write for Temporary {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The directory that `path` is in.
pub fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Writes `bytes` as the whole content of `path`.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_of_mode(path, bytes, 0o644)
}

/// Writes `bytes` as the whole content of `path`, for nobody's eyes but the owner's.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    write_of_mode(path, bytes, 0o600)
}

fn write_of_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let mut temporary = Temporary::of_mode(directory_of(path), mode)?;
    temporary
        .write_all(bytes)
        .with_context(|| format!("writing {}", path.display()))?;
    temporary.persist(path)
}
