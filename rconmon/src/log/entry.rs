//! Cutting output into log entries.

/// Longest content of one entry, in bytes: what readers of such logs have
/// buffers for. A longer line goes out in parts.
pub(crate) const ENTRY_MAX: usize = 8192;

/// A line with its newline, or a part of one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) content: &'a [u8],
    pub(crate) partial: bool,
}

/// Takes the next entry off `bytes`.
pub(crate) fn next<'a>(bytes: &mut &'a [u8]) -> Option<Entry<'a>> {
    if bytes.is_empty() {
        return None;
    }
    let window = &bytes[..bytes.len().min(ENTRY_MAX)];
    let (length, partial) = match memchr::memchr(b'\n', window) {
        Some(at) => (at + 1, false),
        None => (window.len(), true),
    };
    let (content, rest) = bytes.split_at(length);
    *bytes = rest;
    Some(Entry { content, partial })
}
