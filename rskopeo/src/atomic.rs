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
        tempfile::Builder::new()
            .prefix(".tmp-")
            .permissions(PermissionsExt::from_mode(0o644))
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

/// Writes `bytes` as the whole content of `path`.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut temporary = Temporary::in_directory(directory)?;
    temporary
        .write_all(bytes)
        .with_context(|| format!("writing {}", path.display()))?;
    temporary.persist(path)
}
