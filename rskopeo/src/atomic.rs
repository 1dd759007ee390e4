//! Files that appear whole or not at all: written without a name where the file system knows how, fsync, then named.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::unistd::linkat;
use tempfile::NamedTempFile;

/// A file that is gone unless it is [persisted](Temporary::persist), also when its maker is killed.
#[derive(Debug)]
pub struct Temporary {
    directory: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Unnamed(File),
    /// Where the file system has no files without a name: `.tmp-*`, which a killed maker leaves behind.
    Named(NamedTempFile),
}

impl Temporary {
    pub fn in_directory(directory: &Path) -> Result<Self> {
        Self::of_mode(directory, 0o644)
    }

    fn of_mode(directory: &Path, mode: u32) -> Result<Self> {
        let unnamed = File::options()
            .read(true)
            .write(true)
            .mode(mode)
            .custom_flags(libc::O_TMPFILE)
            .open(directory);
        let kind = match unnamed {
            Ok(file) => Ok(Kind::Unnamed(file)),
            // open(2) "O_TMPFILE": not supported by the file system, or by the kernel.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR)) => {
                builder()
                    .permissions(PermissionsExt::from_mode(mode))
                    .tempfile_in(directory)
                    .map(Kind::Named)
            }
            Err(error) => Err(error),
        };
        Ok(Self {
            directory: directory.to_owned(),
            kind: kind
                .with_context(|| format!("creating a temporary file in {}", directory.display()))?,
        })
    }

    /// Gives the file its name, after its bytes are on the disk. What had the name before is replaced.
    pub fn persist(mut self, path: &Path) -> Result<()> {
        self.file()
            .sync_data()
            .with_context(|| format!("syncing {}", path.display()))?;
        self.place(path)
    }

    /// The same without waiting for the disk, as other programs write files that are nobody's state.
    pub fn place(self, path: &Path) -> Result<()> {
        let named = match self.kind {
            Kind::Named(file) => file.persist(path).map(drop).map_err(Into::into),
            Kind::Unnamed(file) => name(&file, &self.directory, path),
        };
        named.with_context(|| format!("renaming to {}", path.display()))
    }

    pub fn file(&mut self) -> &mut File {
        match &mut self.kind {
            Kind::Unnamed(file) => file,
            Kind::Named(file) => file.as_file_mut(),
        }
    }
}

/// A link cannot replace what is there; a rename can, but needs a name to start from.
fn name(file: &File, directory: &Path, path: &Path) -> io::Result<()> {
    match link(file, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let named = builder().make_in(directory, |temporary| link(file, temporary))?;
            named.persist(path)?;
            Ok(())
        }
        done => done,
    }
}

/// open(2) "O_TMPFILE" shows this way, which needs no privilege.
fn link(file: &File, path: &Path) -> io::Result<()> {
    let here = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(
        AT_FDCWD,
        here.as_str(),
        AT_FDCWD,
        path,
        AtFlags::AT_SYMLINK_FOLLOW,
    )?;
    Ok(())
}

fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".tmp-");
    builder
}

impl Write for Temporary {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_appears_whole_and_replaces() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        for content in ["first", "second"] {
            write(&path, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
            assert_eq!(names(directory.path()), ["x"]);
        }
    }

    #[test]
    fn without_persist_nothing_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let mut temporary = Temporary::in_directory(directory.path()).unwrap();
        temporary.write_all(b"half").unwrap();
        drop(temporary);
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn a_directory_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("d");
        fs::create_dir(&path).unwrap();
        assert!(write(&path, b"x").is_err());
        assert_eq!(names(directory.path()), ["d"]);
    }
}
