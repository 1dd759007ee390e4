//! Bytes without a libc: helpers that compile to loops and not to calls of memcmp and memcpy.

pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && starts_with(a, b)
}

pub(crate) fn starts_with(text: &[u8], start: &[u8]) -> bool {
    if text.len() < start.len() {
        return false;
    }
    for (i, byte) in start.iter().enumerate() {
        if text[i] != *byte {
            return false;
        }
    }
    true
}

/// Stores one byte; volatile, so that a loop over it stays a loop and does
/// not become a call to memcpy.
///
/// # Safety
/// `start` points to a buffer that reaches beyond `offset`.
pub(crate) unsafe fn put(start: *mut u8, offset: usize, byte: u8) {
    // SAFETY: the caller's promise.
    unsafe { start.add(offset).write_volatile(byte) }
}
