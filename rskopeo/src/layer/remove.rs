//! Taking files out of a tree: whole, or only what lower layers have put there.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::error::{During, Result};
use super::path::join;
use super::tree::open_beneath;

/// Removes `name` in `parent` with all below it, save what `keep` says of its real path and what leads there.
/// Tells whether nothing is left of it; what does not exist is gone already.
pub(super) fn remove(
    parent: BorrowedFd<'_>,
    name: &[u8],
    path: &[u8],
    keep: &dyn Fn(&[u8]) -> bool,
) -> Result<bool> {
    let kept = keep(path);
    match open_beneath(parent, name, OFlag::O_RDONLY | OFlag::O_DIRECTORY) {
        Ok(directory) => {
            if !remove_children(directory, path, keep)? || kept {
                return Ok(false);
            }
            unlinkat(parent, OsStr::from_bytes(name), UnlinkatFlags::RemoveDir)
                .during("remove directory", path)?;
            Ok(true)
        }
        Err(Errno::ENOENT) => Ok(true),
        Err(Errno::ENOTDIR | Errno::ELOOP) if kept => Ok(false),
        Err(Errno::ENOTDIR | Errno::ELOOP) => {
            unlinkat(parent, OsStr::from_bytes(name), UnlinkatFlags::NoRemoveDir)
                .during("remove", path)?;
            Ok(true)
        }
        Err(errno) => Err(errno).during("open directory", path),
    }
}

/// Removes what is in `directory` as [`remove`] does; tells whether it is empty now.
pub(super) fn remove_children(
    directory: OwnedFd,
    path: &[u8],
    keep: &dyn Fn(&[u8]) -> bool,
) -> Result<bool> {
    let mut listing = Dir::from_fd(directory).during("list", path)?;
    let mut names = Vec::new();
    for entry in listing.iter() {
        let name = entry
            .during("list", path)?
            .file_name()
            .to_owned()
            .into_bytes();
        if name != b"." && name != b".." {
            names.push(name);
        }
    }
    let mut empty = true;
    for name in names {
        empty &= remove(listing.as_fd(), &name, &join(path, &name), keep)?;
    }
    Ok(empty)
}

/// [`remove`] without exceptions.
pub(super) fn remove_all(parent: BorrowedFd<'_>, name: &OsStr, path: &[u8]) -> Result<()> {
    remove(parent, name.as_bytes(), path, &|_| false).map(drop)
}
