//! What criu says of its work: `stats-dump`, `stats-restore`, a message of protocol buffers behind two magic numbers and its size
//! (criu's images/stats.proto).

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Dump,
    Restore,
}

/// By field of the message; what criu does not say is not there.
type Names = &'static [(u64, &'static str)];

const DUMP: Names = &[
    (1, "freezing_time"),
    (2, "frozen_time"),
    (3, "memdump_time"),
    (4, "memwrite_time"),
    (5, "pages_scanned"),
    (7, "pages_written"),
];

const RESTORE: Names = &[
    (3, "forking_time"),
    (4, "restore_time"),
    (5, "pages_restored"),
];

/// Times are in microseconds.
pub(super) fn read(work: &Path, kind: Kind) -> Result<Value> {
    let (file, field, names) = match kind {
        Kind::Dump => ("stats-dump", 1, DUMP),
        Kind::Restore => ("stats-restore", 2, RESTORE),
    };
    let path = work.join(file);
    let bytes = fs::read(&path).with_context(|| {
        format!(
            "displaying statistics not possible: reading {}",
            path.display()
        )
    })?;
    numbers(&bytes, field, names).with_context(|| {
        format!(
            "displaying statistics not possible: {} is none of criu's",
            path.display()
        )
    })
}

fn numbers(bytes: &[u8], wanted: u64, names: Names) -> Option<Value> {
    let is_magic = bytes.get(..8)? == [0x40, 0x59, 0x10, 0x55, 0x06, 0x33, 0x09, 0x57];
    let size = u32::from_le_bytes(bytes.get(8..12)?.try_into().ok()?);
    let mut entry = bytes.get(12..)?.get(..size as usize).filter(|_| is_magic)?;
    while !entry.is_empty() {
        let (field, value) = next(&mut entry)?;
        let Part::Bytes(mut inner) = value else {
            continue;
        };
        if field != wanted {
            continue;
        }
        let mut found = Map::new();
        while !inner.is_empty() {
            if let (field, Part::Number(number)) = next(&mut inner)?
                && let Some((_, name)) = names.iter().find(|(known, _)| *known == field)
                && number != 0
            {
                found.insert((*name).to_owned(), number.into());
            }
        }
        return Some(found.into());
    }
    None
}

enum Part<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// A field's number and its value.
fn next<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Part<'a>)> {
    let key = varint(bytes)?;
    let value = match key & 7 {
        0 => Part::Number(varint(bytes)?),
        2 => {
            let size = usize::try_from(varint(bytes)?).ok()?;
            let (value, rest) = bytes.split_at_checked(size)?;
            *bytes = rest;
            Part::Bytes(value)
        }
        _ => return None,
    };
    Some((key >> 3, value))
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const MAGIC: [u8; 8] = [0x40, 0x59, 0x10, 0x55, 0x06, 0x33, 0x09, 0x57];

    #[test]
    fn a_message_is_read() {
        // dump { freezing_time: 300, pages_scanned: 5, irmap_resolve: 1 }
        let entry = [0x0a, 7, 0x08, 0xac, 0x02, 0x28, 5, 0x40, 1];
        let mut bytes = MAGIC.to_vec();
        bytes.extend(u32::try_from(entry.len()).unwrap().to_le_bytes());
        bytes.extend(entry);
        let expected = json!({ "freezing_time": 300, "pages_scanned": 5 });
        assert_eq!(numbers(&bytes, 1, DUMP).unwrap(), expected);
        assert!(numbers(&bytes, 2, RESTORE).is_none());
        assert!(numbers(&bytes[1..], 1, DUMP).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(rest in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut bytes = MAGIC.to_vec();
            bytes.extend(u32::try_from(rest.len()).unwrap().to_le_bytes());
            bytes.extend(rest);
            let _ = numbers(&bytes, 1, DUMP);
        }
    }
}
