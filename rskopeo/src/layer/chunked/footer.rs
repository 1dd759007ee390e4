//! The frames at the end, which a zstd reader skips: table, tar-split, and where they are.

use std::collections::BTreeMap;
use std::io;

use super::split::TarSplit;
use super::toc::Toc;
use super::{ANNOTATIONS, CHECKSUM};
use crate::digest::Digest;

/// The first of zstd's magic numbers for frames to be skipped (RFC 8878 section 3.1.2).
const SKIPPABLE: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];
/// Magic number and size.
const HEADER: u64 = 8;
/// The only kind of table that there is.
const KIND: u64 = 1;
const MAGIC: &[u8; 8] = b"GNUlInUx";

/// Writes all of it to `packed`, whose next byte is the stream's `start`; gives the annotations that lead to it.
pub(super) fn write(
    packed: &mut Vec<u8>,
    start: u64,
    mut toc: Toc,
    split: TarSplit,
    level: i32,
) -> io::Result<BTreeMap<String, String>> {
    let (split, plain_split) = split.finish()?;
    toc.tar_split_digest = Some(Digest::sha256(&split));
    let plain = serde_json::to_vec(&toc)?;
    let table = zstd::bulk::compress(&plain, level)?;

    let table_at = start + HEADER;
    let split_at = table_at + table.len() as u64 + HEADER;
    let mut footer = Vec::with_capacity(64);
    for number in [
        table_at,
        table.len() as u64,
        plain.len() as u64,
        KIND,
        split_at,
        split.len() as u64,
        plain_split,
    ] {
        footer.extend(number.to_le_bytes());
    }
    footer.extend(MAGIC);
    for frame in [&table, &split, &footer] {
        skippable(packed, frame)?;
    }
    let position = |what: &str| format!("{ANNOTATIONS}{what}-position");
    Ok(BTreeMap::from([
        (CHECKSUM.to_owned(), Digest::sha256(&table).to_string()),
        (
            position("manifest"),
            format!("{table_at}:{}:{}:{KIND}", table.len(), plain.len()),
        ),
        (
            position("tarsplit"),
            format!("{split_at}:{}:{plain_split}", split.len()),
        ),
    ]))
}

fn skippable(packed: &mut Vec<u8>, bytes: &[u8]) -> io::Result<()> {
    let size = u32::try_from(bytes.len())
        .map_err(|_| io::Error::other("a table of contents of more than 4 GiB"))?;
    packed.extend(SKIPPABLE);
    packed.extend(size.to_le_bytes());
    packed.extend(bytes);
    Ok(())
}
