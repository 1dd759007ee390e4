//! argv and environ, as the kernel lays them out.

use crate::bytes;

/// A NULL-terminated array of C strings.
#[derive(Clone, Copy)]
pub struct Strings(*const *const u8);

impl Strings {
    /// # Safety
    /// `array` ends with NULL, its strings with NUL, and both live for the
    /// rest of the process.
    pub unsafe fn new(array: *const *const u8) -> Self {
        Self(array)
    }

    /// Strings made by std, which are never freed. One that holds a NUL is left
    /// out: no program could be given it.
    #[cfg(not(all(panic = "abort", not(test))))]
    pub fn leak(strings: impl Iterator<Item = Vec<u8>>) -> Self {
        let mut array: Vec<*const u8> = strings
            .filter_map(|string| std::ffi::CString::new(string).ok())
            .map(|string| string.into_raw().cast_const().cast())
            .collect();
        array.push(core::ptr::null());
        // SAFETY: the array is leaked, ends with NULL, and so do its strings.
        unsafe { Self::new(array.leak().as_ptr()) }
    }

    /// As execve(2) takes it.
    pub(crate) fn as_ptr(self) -> *const *const u8 {
        self.0
    }

    pub(crate) fn first(self) -> Option<&'static [u8]> {
        // SAFETY: the array has at least its terminator.
        let string = unsafe { *self.0 };
        if string.is_null() {
            return None;
        }
        let mut length = 0;
        // SAFETY: by the promise made to `new`.
        unsafe {
            while string.add(length).read_volatile() != 0 {
                length += 1;
            }
            Some(core::slice::from_raw_parts(string, length))
        }
    }

    /// Without its first string; an empty array stays empty.
    pub(crate) fn tail(self) -> Self {
        match self.first() {
            // SAFETY: the first entry is not the terminator.
            Some(_) => Self(unsafe { self.0.add(1) }),
            None => self,
        }
    }

    /// The value of `NAME=value` in an environment.
    pub(crate) fn value_of(self, name: &[u8]) -> Option<&'static [u8]> {
        let mut rest = self;
        while let Some(pair) = rest.first() {
            if bytes::starts_with(pair, name) && pair.get(name.len()) == Some(&b'=') {
                return pair.get(name.len() + 1..);
            }
            rest = rest.tail();
        }
        None
    }
}
