//! What the fields of a header say.

use std::io;

use nix::sys::time::TimeSpec;
use tar::{EntryType, Header};

use super::super::error::{LayerError, Result};
use super::super::path::shown;
use super::Kind;

pub(super) fn kind(header: &Header, path: &[u8]) -> Result<Kind> {
    Ok(match header.entry_type() {
        // Archives older than ustar tell a directory by its trailing slash only.
        EntryType::Regular if path.ends_with(b"/") => Kind::Directory,
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
        EntryType::Link => Kind::HardLink,
        EntryType::Symlink => Kind::Symlink,
        EntryType::Char => Kind::Char,
        EntryType::Block => Kind::Block,
        EntryType::Directory => Kind::Directory,
        EntryType::Fifo => Kind::Fifo,
        other => {
            return Err(LayerError::Archive(format!(
                "member {:?} is of unknown type {:?}",
                shown(path),
                char::from(other.as_byte())
            )));
        }
    })
}

/// A numeric header field that was left empty stands for 0.
pub(super) fn blank_is_zero(field: &[u8], value: io::Result<u64>) -> Result<u64> {
    if field.iter().all(|byte| matches!(byte, 0 | b' ')) {
        return Ok(0);
    }
    value.map_err(invalid)
}

pub(super) fn id(pax: Option<u64>, field: &[u8], header: io::Result<u64>) -> Result<u32> {
    let id = match pax {
        Some(id) => id,
        None => blank_is_zero(field, header)?,
    };
    // The last value means "leave as it is" to chown(2).
    u32::try_from(id)
        .ok()
        .filter(|id| *id != u32::MAX)
        .ok_or_else(|| LayerError::Archive(format!("owner {id} is no user or group id")))
}

pub(super) fn header_time(header: &Header) -> TimeSpec {
    let seconds = header
        .mtime()
        .ok()
        .and_then(|time| i64::try_from(time).ok());
    TimeSpec::new(seconds.unwrap_or(0), 0)
}

/// Old archivers summed signed bytes; both sums are in use.
pub(super) fn check_sum(header: &Header) -> Result<()> {
    let stored = i64::from(header.cksum().map_err(invalid)?);
    let bytes = header.as_bytes();
    let counted = || bytes[..148].iter().chain(&bytes[156..]);
    let unsigned: i64 = counted().map(|byte| i64::from(*byte)).sum();
    let signed: i64 = counted().map(|byte| i64::from(*byte as i8)).sum();
    let spaces = 8 * 32;
    if stored == unsigned + spaces || stored == signed + spaces {
        Ok(())
    } else {
        Err(LayerError::Archive("a header's checksum is wrong".into()))
    }
}

pub(super) fn invalid(error: io::Error) -> LayerError {
    LayerError::Archive(error.to_string())
}
