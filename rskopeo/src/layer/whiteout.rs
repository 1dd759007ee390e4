//! Whiteouts: files of a lower layer that a layer hides, as `.wh.NAME` in an archive and as device 0:0 in an overlay
//! (image-spec layer.md "Whiteouts"; the kernel's filesystems/overlayfs.rst).

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::stat::{FileStat, Mode, SFlag, mknodat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::error::{During, LayerError, Result};
use super::path::join;
use super::tree::is;
use super::xattr;

/// What the last component of a member's name says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mark<'a> {
    /// An ordinary file.
    None,
    /// The named file of lower layers is hidden.
    Whiteout(&'a [u8]),
    /// All that lower layers have in the parent directory is hidden.
    Opaque,
    /// Bookkeeping of aufs, which means nothing here.
    Ignored,
}

/// # Errors
/// The whiteout names nothing, or its own directory or parent.
pub(super) fn mark<'a>(parent: &[u8], name: &'a [u8]) -> Result<Mark<'a>> {
    let Some(hidden) = name.strip_prefix(b".wh.") else {
        return Ok(Mark::None);
    };
    match hidden {
        b".wh..opq" => Ok(Mark::Opaque),
        b"" | b"." | b".." => Err(LayerError::refused(
            &join(parent, name),
            "a whiteout must name a file",
        )),
        _ if hidden.starts_with(b".wh.") => Ok(Mark::Ignored),
        _ => Ok(Mark::Whiteout(hidden)),
    }
}

/// Whether a file is an overlay's whiteout.
pub(super) fn is_device(stat: &FileStat) -> bool {
    is(stat, SFlag::S_IFCHR) && stat.st_rdev == 0
}

/// Puts an overlay's whiteout in place; `name` must not exist.
pub(super) fn make_device(parent: &OwnedFd, name: &OsStr, path: &[u8]) -> Result<()> {
    mknodat(parent, name, SFlag::S_IFCHR, Mode::empty(), 0).during("create whiteout", path)
}

pub(super) fn remove_device(parent: &OwnedFd, name: &OsStr, path: &[u8]) -> Result<()> {
    unlinkat(parent, name, UnlinkatFlags::NoRemoveDir).during("remove whiteout", path)
}

/// Marks a directory as opaque. A process without rights over trusted attributes uses the `user.` form, which overlay
/// reads when mounted with `userxattr`.
pub(super) fn make_opaque(directory: impl AsFd, path: &[u8]) -> Result<()> {
    match xattr::set(directory.as_fd(), c"trusted.overlay.opaque", b"y") {
        Err(Errno::EPERM) => xattr::set(directory.as_fd(), c"user.overlay.opaque", b"y"),
        result => result,
    }
    .during("mark as opaque", path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn marks() {
        assert_eq!(mark(b"", b"file").unwrap(), Mark::None);
        assert_eq!(mark(b"", b".wh.file").unwrap(), Mark::Whiteout(b"file"));
        assert_eq!(mark(b"", b".wh..wh..opq").unwrap(), Mark::Opaque);
        assert_eq!(mark(b"", b".wh..wh.plnk").unwrap(), Mark::Ignored);
    }

    #[test]
    fn a_whiteout_cannot_lead_out() {
        for name in [".wh.", ".wh..", ".wh..."] {
            assert!(mark(b"dir", name.as_bytes()).is_err(), "{name}");
        }
    }
}
