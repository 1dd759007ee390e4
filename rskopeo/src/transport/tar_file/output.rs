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
pub struct Output {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Renamed(Temporary),
    Copied(File),
}

impl Output {
    pub fn create(path: &Path, tmpdir: Option<&Path>) -> Result<Self> {
        let kind = match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_dir() => bail!("open {}: is a directory", path.display()),
            Ok(meta) if !meta.is_file() => Kind::Copied(spool(tmpdir)?),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("open {}", path.display()));
            }
            _ => Kind::Renamed(Temporary::in_directory(directory_of(path))?),
        };
        Ok(Self {
            path: path.to_owned(),
            kind,
        })
    }

    /// The file to write to; it can be sought in.
    pub fn file(&mut self) -> &mut File {
        match &mut self.kind {
            Kind::Renamed(temporary) => temporary.file(),
            Kind::Copied(file) => file,
        }
    }

    pub fn commit(self) -> Result<()> {
        match self.kind {
            Kind::Renamed(temporary) => temporary.place(&self.path),
            Kind::Copied(mut spooled) => {
                let mut place = File::options()
                    .write(true)
                    .truncate(true)
                    .open(&self.path)
                    .with_context(|| format!("open {}", self.path.display()))?;
                spooled.seek(SeekFrom::Start(0))?;
                io::copy(&mut spooled, &mut place)
                    .with_context(|| format!("writing {}", self.path.display()))?;
                Ok(())
            }
        }
    }
}

/// A file without a name, which is gone when it is closed.
pub fn spool(tmpdir: Option<&Path>) -> Result<File> {
    let directory = spool_directory(tmpdir);
    tempfile::tempfile_in(&directory)
        .with_context(|| format!("creating a temporary file in {}", directory.display()))
}
