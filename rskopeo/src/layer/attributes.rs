//! What a file is besides its content: owner, mode, extended attributes, times. Set in that order, because a change of owner
//! takes away setuid bits and file capabilities.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FchmodatFlags, Mode, UtimensatFlags, fchmod, fchmodat, futimens, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchown, fchownat};

use super::archive::Entry;
use super::error::{During, LayerError, Result};
use super::owners::{self, Owners, ROOTLESS_XATTR};
use super::xattr;

/// What could not be stored and does not make the tree wrong; told once, at the end.
#[derive(Clone, Debug, Default)]
pub(super) struct Shortfalls {
    xattrs: u64,
    first_xattr: Option<String>,
    pub(super) devices: u64,
}

impl Shortfalls {
    fn xattr(&mut self, path: &[u8], name: &CString, errno: Errno) {
        self.xattrs += 1;
        self.first_xattr.get_or_insert_with(|| {
            format!(
                "{} of /{}: {}",
                name.to_string_lossy(),
                super::path::shown(path),
                errno.desc()
            )
        });
    }

    /// One line for each kind.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(first) = &self.first_xattr {
            lines.push(format!(
                "{} extended attributes could not be stored, the first: {first}",
                self.xattrs
            ));
        }
        if self.devices > 0 {
            lines.push(format!(
                "{} devices were made as empty files: making devices needs root",
                self.devices
            ));
        }
        lines
    }
}

/// The attributes of one entry, ready to be set.
#[derive(Debug)]
pub(super) struct Attributes {
    owner: Option<(u32, u32)>,
    pub(super) mode: u32,
    mtime: TimeSpec,
    xattrs: Vec<(CString, Vec<u8>)>,
}

impl Attributes {
    /// # Errors
    /// An owner outside of the map, or an attribute that would change what an overlay shows.
    pub(super) fn of(entry: &Entry, path: &[u8], owners: &Owners) -> Result<Self> {
        let mut xattrs = Vec::with_capacity(entry.xattrs.len());
        for (name, value) in &entry.xattrs {
            if let Some(name) = checked_name(path, name)? {
                xattrs.push((name, value.clone()));
            }
        }
        if let Owners::Callers = owners {
            xattrs.retain(|(name, _)| name.as_c_str() != ROOTLESS_XATTR);
            if let Some(record) = owners::record(entry.uid, entry.gid) {
                xattrs.push((ROOTLESS_XATTR.to_owned(), record));
            }
        }
        Ok(Self {
            owner: owners.on_disk(path, entry.uid, entry.gid)?,
            mode: entry.mode,
            mtime: entry.mtime,
            xattrs,
        })
    }

    /// Sets everything on an open file or directory.
    pub(super) fn set(
        &self,
        fd: BorrowedFd<'_>,
        path: &[u8],
        short: &mut Shortfalls,
    ) -> Result<()> {
        if let Some((uid, gid)) = self.owner {
            fchown(fd, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
                .map_err(|errno| self.unmapped(errno))
                .during("change owner of", path)?;
        }
        let chmod =
            |mode| fchmod(fd, Mode::from_bits_truncate(mode)).during("change mode of", path);
        // Who is not root sets a user's attributes only on what may be written to, his own files included.
        let opened = match self.xattrs.iter().any(|(name, _)| xattr::is_users(name)) {
            true => self.mode | 0o200,
            false => self.mode,
        };
        chmod(opened)?;
        for (name, value) in &self.xattrs {
            tolerate(xattr::set(fd, name, value), path, name, short)?;
        }
        if opened != self.mode {
            chmod(self.mode)?;
        }
        futimens(fd, &self.mtime, &self.mtime).during("set times of", path)
    }

    /// Sets everything on `name` in `parent`, itself if it is a symlink, which has no mode.
    pub(super) fn set_at(
        &self,
        parent: impl AsFd,
        name: &OsStr,
        path: &[u8],
        symlink: bool,
        short: &mut Shortfalls,
    ) -> Result<()> {
        let parent = parent.as_fd();
        if let Some((uid, gid)) = self.owner {
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            fchownat(
                parent,
                name,
                Some(uid),
                Some(gid),
                AtFlags::AT_SYMLINK_NOFOLLOW,
            )
            .map_err(|errno| self.unmapped(errno))
            .during("change owner of", path)?;
        }
        if !symlink {
            // Made by us a moment ago in a directory of ours, so not a symlink.
            fchmodat(
                parent,
                name,
                Mode::from_bits_truncate(self.mode),
                FchmodatFlags::FollowSymlink,
            )
            .during("change mode of", path)?;
        }
        for (xattr_name, value) in &self.xattrs {
            if xattr_name.as_c_str() == ROOTLESS_XATTR {
                // The kernel allows user attributes on regular files and directories only.
                continue;
            }
            tolerate(
                xattr::set_at(parent, name, xattr_name, value),
                path,
                xattr_name,
                short,
            )?;
        }
        utimensat(
            parent,
            name,
            &self.mtime,
            &self.mtime,
            UtimensatFlags::NoFollowSymlink,
        )
        .during("set times of", path)
    }

    /// chown(2) says EINVAL of an id that the user namespace does not have.
    fn unmapped(&self, errno: Errno) -> std::io::Error {
        match (errno, self.owner) {
            (Errno::EINVAL, Some((uid, gid))) => std::io::Error::other(format!(
                "{uid}:{gid} is not mapped in this user namespace; give the caller more subordinate ids in /etc/subuid and /etc/subgid"
            )),
            _ => errno.into(),
        }
    }
}

fn checked_name(path: &[u8], name: &[u8]) -> Result<Option<CString>> {
    if xattr::is_host_own(name) {
        return Ok(None);
    }
    if xattr::is_overlay(name) {
        let name = String::from_utf8_lossy(name);
        return Err(LayerError::refused(
            path,
            format!("its extended attribute {name} would change what an overlay shows"),
        ));
    }
    CString::new(name)
        .map(Some)
        .map_err(|_| LayerError::refused(path, "an extended attribute's name has a NUL byte"))
}

/// File systems without attributes, and attributes that only root may set, are shortfalls; all else is an error.
fn tolerate(
    result: nix::Result<()>,
    path: &[u8],
    name: &CString,
    short: &mut Shortfalls,
) -> Result<()> {
    match result {
        Err(errno @ (Errno::EOPNOTSUPP | Errno::EPERM)) => {
            short.xattr(path, name, errno);
            Ok(())
        }
        other => other.during("set an extended attribute of", path),
    }
}

/// An entry for a directory that lower layers have made replaces its attributes too. An overlay's own marks stay.
pub(super) fn clear_xattrs(directory: &OwnedFd, path: &[u8]) -> Result<()> {
    let attributes = xattr::all(directory.as_fd()).during("list extended attributes of", path)?;
    for (name, _) in attributes {
        if xattr::is_host_own(name.to_bytes()) || xattr::is_overlay(name.to_bytes()) {
            continue;
        }
        match xattr::remove(directory.as_fd(), &name) {
            Ok(()) | Err(Errno::ENODATA | Errno::EOPNOTSUPP) => {}
            Err(errno) => return Err(errno).during("remove an extended attribute of", path),
        }
    }
    Ok(())
}
