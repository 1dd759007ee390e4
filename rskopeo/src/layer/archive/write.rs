//! Writing tar archives: ustar, with pax records for what ustar has no room for.

use std::io::{self, Write};

use tar::{EntryType, Header};

use super::super::error::{LayerError, Result};
use super::super::path::shown;
use super::{BLOCK, Entry, Kind};

const NAME_LIMIT: usize = 100;
/// The largest number in seven octal digits, and in eleven.
const ID_LIMIT: u32 = 0o7_777_777;
const SIZE_LIMIT: u64 = 0o77_777_777_777;

/// Writes the entry's header; `entry.size` bytes of content, if any, and [`pad`] have to follow.
pub(in super::super) fn header(output: &mut impl Write, entry: &Entry) -> Result<()> {
    let mut records = Vec::new();
    let mut header = Header::new_ustar();
    header.set_entry_type(match entry.kind {
        Kind::File => EntryType::Regular,
        Kind::HardLink => EntryType::Link,
        Kind::Symlink => EntryType::Symlink,
        Kind::Char => EntryType::Char,
        Kind::Block => EntryType::Block,
        Kind::Directory => EntryType::Directory,
        Kind::Fifo => EntryType::Fifo,
    });
    let mut path = entry.path.clone();
    if entry.kind == Kind::Directory {
        path.push(b'/');
    }
    put_name(&mut records, "path", &path, &mut header.as_old_mut().name);
    put_name(
        &mut records,
        "linkpath",
        &entry.link,
        &mut header.as_old_mut().linkname,
    );
    for (keyword, id, set) in [
        ("uid", entry.uid, Header::set_uid as fn(&mut Header, u64)),
        ("gid", entry.gid, Header::set_gid),
    ] {
        if id > ID_LIMIT {
            record(&mut records, keyword.as_bytes(), id.to_string().as_bytes());
        }
        set(&mut header, u64::from(id.min(ID_LIMIT)));
    }
    if entry.size > SIZE_LIMIT {
        record(&mut records, b"size", entry.size.to_string().as_bytes());
    }
    header.set_size(entry.size.min(SIZE_LIMIT));
    let seconds = entry.mtime.tv_sec();
    match u64::try_from(seconds) {
        Ok(seconds) if seconds <= SIZE_LIMIT => header.set_mtime(seconds),
        _ => {
            record(&mut records, b"mtime", seconds.to_string().as_bytes());
            header.set_mtime(0);
        }
    }
    for (name, value) in &entry.xattrs {
        record(
            &mut records,
            &[b"SCHILY.xattr.", name.as_slice()].concat(),
            value,
        );
    }
    header.set_mode(entry.mode);
    let numbers = header
        .set_device_major(entry.device.0)
        .and_then(|()| header.set_device_minor(entry.device.1));
    numbers.map_err(LayerError::Read)?;
    header.set_cksum();
    if !records.is_empty() {
        extension(output, &path, &records)?;
    }
    output.write_all(header.as_bytes())?;
    Ok(())
}

/// Zeros up to the next block.
pub(in super::super) fn pad(output: &mut impl Write, size: u64) -> io::Result<()> {
    let padding = size.next_multiple_of(BLOCK) - size;
    output.write_all(&[0; BLOCK as usize][..padding as usize])
}

/// The end of an archive.
pub(in super::super) fn end(output: &mut impl Write) -> io::Result<()> {
    output.write_all(&[0; 2 * BLOCK as usize])
}

fn put_name(records: &mut Vec<u8>, keyword: &str, name: &[u8], field: &mut [u8; NAME_LIMIT]) {
    if name.len() > NAME_LIMIT || !name.is_ascii() {
        record(records, keyword.as_bytes(), name);
    }
    let kept = name.len().min(NAME_LIMIT);
    field[..kept].copy_from_slice(&name[..kept]);
}

/// `LENGTH KEYWORD=VALUE\n`, where the length counts itself.
fn record(records: &mut Vec<u8>, keyword: &[u8], value: &[u8]) {
    let rest = keyword.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} ").as_bytes());
    records.extend_from_slice(keyword);
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}

fn extension(output: &mut impl Write, path: &[u8], records: &[u8]) -> Result<()> {
    let mut header = Header::new_ustar();
    let name = [b"PaxHeaders/", path].concat();
    let kept = name.len().min(NAME_LIMIT);
    header.as_old_mut().name[..kept].copy_from_slice(&name[..kept]);
    header.set_entry_type(EntryType::XHeader);
    let size = records.len() as u64;
    if size > super::EXTENSION_LIMIT {
        let reason = "its extended attributes are too large for a layer";
        return Err(LayerError::Refused {
            path: shown(path),
            reason: reason.to_owned(),
        });
    }
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    output.write_all(header.as_bytes())?;
    output.write_all(records)?;
    pad(output, size)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Cursor;

    use nix::sys::time::TimeSpec;
    use proptest::prelude::*;

    use super::super::Archive;
    use super::*;

    proptest! {
        /// What is written is read back.
        #[test]
        fn there_and_back(
            path in "[a-zé/]{1,150}", link in "[a-z/]{1,150}", uid: u32, seconds in -5_000_000_000_i64..50_000_000_000,
            xattr in proptest::collection::vec(any::<u8>(), 0..100), mode in 0_u32..0o10000, file: bool, size in 0_u64..2000,
        ) {
            let entry = Entry {
                path: path.trim_end_matches('/').into(),
                link: if file { Vec::new() } else { link.into() },
                kind: if file { Kind::File } else { Kind::Symlink },
                mode,
                uid,
                gid: uid / 2,
                mtime: TimeSpec::new(seconds, 0),
                atime: None,
                ctime: None,
                device: (0, 0),
                xattrs: vec![(b"user.x".to_vec(), xattr)],
                size: if file { size } else { 0 },
                sparse: None,
            };
            let mut tar = Vec::new();
            header(&mut tar, &entry).unwrap();
            tar.extend(vec![7; entry.size as usize]);
            pad(&mut tar, entry.size).unwrap();
            end(&mut tar).unwrap();
            let mut archive = Archive::new(Cursor::new(tar));
            let read = archive.next_entry().unwrap().unwrap();
            prop_assert_eq!(format!("{read:?}"), format!("{entry:?}"));
            prop_assert!(archive.next_entry().unwrap().is_none());
        }
    }
}
