//! The file that an archive becomes.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::spool_directory;
use crate::atomic::{Temporary, directory_of};

/// A regular file is written under a temporary name beside its place and renamed. What is not one (a pipe, /dev/stdout,
/// a symbolic link to either) gets a copy of the finished archive, so that a reader of it never sees a copy that failed half-way.
#[derive(Debug)]
pub enum Output {
    Renamed(Temporary, PathBuf),
    Copied(File, PathBuf),
    /// Somebody else's, who knows what to do with it.
    Given(File),
}

impl Output {
    pub fn create(path: &Path, tmpdir: Option<&Path>) -> Result<Self> {
        let place = path.to_owned();
        match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_dir() => bail!("open {}: is a directory", path.display()),
            Ok(meta) if !meta.is_file() => Ok(Self::Copied(spool(tmpdir)?, place)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("open {}", path.display()))
            }
            _ => {
                let temporary = Temporary::in_directory(directory_of(path))?;
                Ok(Self::Renamed(temporary, place))
            }
        }
    }

    /// The file to write to; it can be sought in.
    pub fn file(&mut self) -> &mut File {
        match self {
            Self::Renamed(temporary, _) => temporary.file(),
            Self::Copied(file, _) | Self::Given(file) => file,
        }
    }

    pub fn commit(self) -> Result<()> {
        match self {
            Self::Renamed(temporary, path) => temporary.place(&path),
            Self::Copied(mut spooled, path) => {
                let mut place = File::options()
                    .write(true)
                    .truncate(true)
                    .open(&path)
                    .with_context(|| format!("open {}", path.display()))?;
                spooled.seek(SeekFrom::Start(0))?;
                io::copy(&mut spooled, &mut place)
                    .with_context(|| format!("writing {}", path.display()))?;
                Ok(())
            }
            Self::Given(_) => Ok(()),
        }
    }
}

/// A file without a name, which is gone when it is closed.
pub fn spool(tmpdir: Option<&Path>) -> Result<File> {
    let directory = spool_directory(tmpdir);
    tempfile::tempfile_in(&directory)
        .with_context(|| format!("creating a temporary file in {}", directory.display()))
}
