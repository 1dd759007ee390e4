//! Extended attributes of an open file.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd as _};

use nix::errno::Errno;

/// Those that mean something outside of this store: `user.*` and file capabilities.
pub(super) fn read(fd: impl AsFd) -> Result<Vec<(CString, Vec<u8>)>, Errno> {
    let raw = fd.as_fd().as_raw_fd();
    let names = grown(|buffer, size| {
        // SAFETY: the kernel writes at most `size` bytes to `buffer`, which is that long, or none when `size` is 0.
        unsafe { libc::flistxattr(raw, buffer.cast(), size) }
    });
    let names = match names {
        Err(Errno::ENOTSUP) => return Ok(Vec::new()),
        names => names?,
    };
    let mut found = Vec::new();
    for name in names.split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else {
            continue;
        };
        if !is_portable(name.to_bytes()) {
            continue;
        }
        let value = grown(|buffer, size| {
            // SAFETY: `name` is NUL-terminated; the kernel writes at most `size` bytes to `buffer`, which is that long.
            unsafe { libc::fgetxattr(raw, name.as_ptr(), buffer.cast(), size) }
        });
        match value {
            Ok(value) => found.push((name.to_owned(), value)),
            // Removed since it was listed.
            Err(Errno::ENODATA) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(found)
}

/// One attribute of a file; nothing if it has none of that name.
pub(super) fn get(fd: impl AsFd, name: &CStr) -> Result<Option<Vec<u8>>, Errno> {
    let raw = fd.as_fd().as_raw_fd();
    let value = grown(|buffer, size| {
        // SAFETY: `name` is NUL-terminated; the kernel writes at most `size` bytes to `buffer`, which is that long.
        unsafe { libc::fgetxattr(raw, name.as_ptr(), buffer.cast(), size) }
    });
    match value {
        Err(Errno::ENODATA | Errno::ENOTSUP) => Ok(None),
        value => value.map(Some),
    }
}

pub(super) fn set(fd: impl AsFd, name: &CStr, value: &[u8]) -> Result<(), Errno> {
    // SAFETY: `name` is NUL-terminated, and `value` is read to its own length.
    let result = unsafe {
        libc::fsetxattr(
            fd.as_fd().as_raw_fd(),
            name.as_ptr(),
            value.as_ptr().cast(),
            value.len(),
            0,
        )
    };
    Errno::result(result).map(drop)
}

pub(super) fn is_portable(name: &[u8]) -> bool {
    name == b"security.capability"
        || name.starts_with(b"user.") && !name.starts_with(b"user.overlay.")
}

/// Asks for the size, then for the bytes, until both agree.
fn grown(ask: impl Fn(*mut u8, usize) -> libc::ssize_t) -> Result<Vec<u8>, Errno> {
    loop {
        let size = Errno::result(ask(std::ptr::null_mut(), 0))?;
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        if bytes.is_empty() {
            return Ok(bytes);
        }
        match Errno::result(ask(bytes.as_mut_ptr(), bytes.len())) {
            Ok(size) => {
                bytes.truncate(usize::try_from(size).unwrap_or(0));
                return Ok(bytes);
            }
            Err(Errno::ERANGE) => {}
            Err(errno) => return Err(errno),
        }
    }
}
