//! The place of an entry in the tree, and what can be made there.

use std::ffi::OsStr;
use std::io::BufRead;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat, makedev, mknodat};
use nix::unistd::ftruncate;

use super::archive::{Archive, Entry, Kind, Segment};
use super::error::{During, LayerError, Result};
use super::path::join;
use super::remove::remove_all;
use super::tree::{Parent, is, open_beneath};
use super::whiteout;

/// The place of an entry: a name in an open directory.
pub(super) struct Place<'a> {
    pub(super) parent: &'a Parent,
    pub(super) name: &'a OsStr,
    /// Real path, for messages and for bookkeeping.
    pub(super) path: Vec<u8>,
}

impl<'a> Place<'a> {
    pub(super) fn new(parent: &'a Parent, name: &'a [u8]) -> Self {
        Self {
            parent,
            name: OsStr::from_bytes(name),
            path: join(&parent.real, name),
        }
    }

    pub(super) fn stat(&self) -> Result<Option<FileStat>> {
        match fstatat(&self.parent.fd, self.name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(errno).during("stat", &self.path),
        }
    }

    pub(super) fn open_dir(&self) -> Result<OwnedFd> {
        open_beneath(
            self.parent.fd.as_fd(),
            self.name.as_bytes(),
            OFlag::O_RDONLY | OFlag::O_DIRECTORY,
        )
        .during("open directory", &self.path)
    }

    /// Runs `make`; when something is in the way, removes it and runs it again.
    pub(super) fn replacing<T>(&self, make: impl Fn(&Self) -> Result<T>) -> Result<T> {
        match make(self) {
            Err(error) if error.errno() == Some(Errno::EEXIST) => {
                remove_all(self.parent.fd.as_fd(), self.name, &self.path)?;
                make(self)
            }
            result => result,
        }
    }

    pub(super) fn create(&self) -> Result<OwnedFd> {
        let flags =
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        openat(
            &self.parent.fd,
            self.name,
            flags,
            Mode::S_IRUSR | Mode::S_IWUSR,
        )
        .during("create", &self.path)
    }

    /// Makes a device or fifo; false when the caller may not make that device.
    pub(super) fn make_node(&self, entry: &Entry) -> Result<bool> {
        let kind = match entry.kind {
            Kind::Char => SFlag::S_IFCHR,
            Kind::Block => SFlag::S_IFBLK,
            _ => SFlag::S_IFIFO,
        };
        let device = makedev(entry.device.0.into(), entry.device.1.into());
        match mknodat(&self.parent.fd, self.name, kind, Mode::S_IRUSR, device) {
            Err(Errno::EPERM) if kind != SFlag::S_IFIFO => Ok(false),
            result => result.during("create device", &self.path).map(|()| true),
        }
    }
}

/// The file that a hard link may be made to; a whiteout is none.
pub(super) fn linkable(parent: &OwnedFd, name: &OsStr, path: &[u8]) -> Result<Option<FileStat>> {
    match fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(stat) if is(&stat, SFlag::S_IFDIR) => {
            Err(LayerError::refused(path, "a hard link to a directory"))
        }
        Ok(stat) => Ok((!whiteout::is_device(&stat)).then_some(stat)),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        Err(errno) => Err(errno).during("stat", path),
    }
}

pub(super) fn write_content<R: BufRead>(
    file: &OwnedFd,
    path: &[u8],
    entry: &Entry,
    archive: &mut Archive<R>,
) -> Result<()> {
    let whole = [Segment {
        offset: 0,
        length: entry.size,
    }];
    for segment in entry.sparse.as_deref().unwrap_or(&whole) {
        let mut done = 0;
        while done < segment.length {
            let at = i64::try_from(segment.offset + done)
                .map_err(|_| LayerError::refused(path, "it is too large"))?;
            done += archive.content(segment.length - done, |bytes| {
                nix::sys::uio::pwrite(file, bytes, at).during("write", path)
            })? as u64;
        }
    }
    if entry.sparse.is_some() {
        let size =
            i64::try_from(entry.size).map_err(|_| LayerError::refused(path, "it is too large"))?;
        ftruncate(file, size).during("set size of", path)?;
    }
    Ok(())
}
