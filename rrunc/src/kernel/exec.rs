//! execve(2) with arguments made ready beforehand.

use std::ffi::{CString, NulError};
use std::os::raw::c_char;
use std::{iter, ptr};

use nix::errno::Errno;

/// A null-terminated array of C strings, as execve(2) takes it.
#[derive(Debug)]
pub(crate) struct Strings {
    /// Points into `_owned`.
    pointers: Vec<*const c_char>,
    _owned: Vec<CString>,
}

impl Strings {
    /// # Errors
    /// A string contains a nul byte.
    pub(crate) fn new<'a>(strings: impl IntoIterator<Item = &'a str>) -> Result<Strings, NulError> {
        let owned = strings
            .into_iter()
            .map(CString::new)
            .collect::<Result<Vec<_>, _>>()?;
        let pointers = owned
            .iter()
            .map(|string| string.as_ptr())
            .chain(iter::once(ptr::null()))
            .collect();
        Ok(Strings {
            pointers,
            _owned: owned,
        })
    }
}

/// Become the program; returns only when that failed.
pub(crate) fn exec(path: &CString, arguments: &Strings, environment: &Strings) -> Errno {
    // SAFETY: both arrays end in null and point to C strings that live.
    unsafe {
        libc::execve(
            path.as_ptr(),
            arguments.pointers.as_ptr(),
            environment.pointers.as_ptr(),
        )
    };
    Errno::last()
}
