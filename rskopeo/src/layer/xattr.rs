//! Extended attributes, on open files and on names that cannot be opened (symlinks, devices).

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;

/// Attributes that belong to the machine, not to the image.
pub(super) fn is_host_own(name: &[u8]) -> bool {
    matches!(name, b"security.selinux" | b"system.nfs4_acl")
}

/// Attributes by which overlayfs knows whiteouts, redirections and the like.
pub(super) fn is_overlay(name: &[u8]) -> bool {
    name.starts_with(b"trusted.overlay.") || name.starts_with(b"user.overlay.")
}

/// Attributes that are like a file's content to the kernel.
pub(super) fn is_users(name: &CStr) -> bool {
    name.to_bytes().starts_with(b"user.")
}

/// Sets an attribute of an open file.
pub(super) fn set(fd: BorrowedFd<'_>, name: &CStr, value: &[u8]) -> nix::Result<()> {
    // SAFETY: both pointers are valid for the given lengths during the call.
    let result = unsafe {
        libc::fsetxattr(
            fd.as_raw_fd(),
            name.as_ptr(),
            value.as_ptr().cast(),
            value.len(),
            0,
        )
    };
    Errno::result(result).map(drop)
}

/// Sets an attribute of `file` in the directory `parent`, itself if it is a symlink.
pub(super) fn set_at(
    parent: BorrowedFd<'_>,
    file: &OsStr,
    name: &CStr,
    value: &[u8],
) -> nix::Result<()> {
    let path = proc_path(parent, file)?;
    // SAFETY: all pointers are valid for the given lengths during the call.
    let result = unsafe {
        libc::lsetxattr(
            path.as_ptr(),
            name.as_ptr(),
            value.as_ptr().cast(),
            value.len(),
            0,
        )
    };
    Errno::result(result).map(drop)
}

/// The attributes of an open file, sorted by name.
pub(super) fn all(fd: BorrowedFd<'_>) -> nix::Result<Vec<(CString, Vec<u8>)>> {
    let fd = fd.as_raw_fd();
    read(
        // SAFETY: the buffer is valid for its length.
        |buffer| unsafe { libc::flistxattr(fd, buffer.as_mut_ptr().cast(), buffer.len()) },
        // SAFETY: `name` is a C string; the buffer is valid for its length.
        |name, buffer| unsafe {
            libc::fgetxattr(fd, name.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len())
        },
    )
}

/// The attributes of `file` in the directory `parent`, its own if it is a symlink, sorted by name.
pub(super) fn all_at(parent: BorrowedFd<'_>, file: &OsStr) -> nix::Result<Vec<(CString, Vec<u8>)>> {
    let path = proc_path(parent, file)?;
    read(
        // SAFETY: `path` is a C string; the buffer is valid for its length.
        |buffer| unsafe {
            libc::llistxattr(path.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len())
        },
        // SAFETY: both names are C strings; the buffer is valid for its length.
        |name, buffer| unsafe {
            libc::lgetxattr(
                path.as_ptr(),
                name.as_ptr(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
            )
        },
    )
}

fn read(
    list: impl Fn(&mut [u8]) -> isize,
    get: impl Fn(&CStr, &mut [u8]) -> isize,
) -> nix::Result<Vec<(CString, Vec<u8>)>> {
    let list = grown(list)?;
    let mut names: Vec<&[u8]> = list
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    let mut attributes = Vec::with_capacity(names.len());
    for name in names {
        let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
        match grown(|buffer| get(&name, buffer)) {
            Ok(value) => attributes.push((name, value)),
            // Taken away between the two calls.
            Err(Errno::ENODATA) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(attributes)
}

/// Removes an attribute of an open file.
pub(super) fn remove(fd: BorrowedFd<'_>, name: &CStr) -> nix::Result<()> {
    // SAFETY: `name` is a C string.
    Errno::result(unsafe { libc::fremovexattr(fd.as_raw_fd(), name.as_ptr()) }).map(drop)
}

/// The l*xattr calls have no directory form; the parent's descriptor is named through /proc instead.
fn proc_path(parent: BorrowedFd<'_>, file: &OsStr) -> nix::Result<CString> {
    let mut path = format!("/proc/self/fd/{}/", parent.as_raw_fd()).into_bytes();
    path.extend_from_slice(file.as_bytes());
    CString::new(path).map_err(|_| Errno::EINVAL)
}

/// Calls `fill` with larger buffers until its answer fits. A file system without attributes has none.
fn grown(fill: impl Fn(&mut [u8]) -> isize) -> nix::Result<Vec<u8>> {
    let mut buffer = vec![0; 256];
    loop {
        match Errno::result(fill(&mut buffer)) {
            Ok(length) => {
                buffer.truncate(length as usize);
                return Ok(buffer);
            }
            Err(Errno::ERANGE) => buffer.resize(buffer.len() * 4, 0),
            Err(Errno::EOPNOTSUPP) => return Ok(Vec::new()),
            Err(errno) => return Err(errno),
        }
    }
}
