//! Headers of a tar archive: ustar, with a pax header before it for what ustar has no room for (POSIX pax, "pax Header Block").

use std::collections::BTreeMap;
use std::io::{self, Write};

use tar::{EntryType, Header};

/// What a header says of one entry.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub path: Vec<u8>,
    pub kind: Option<EntryType>,
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    pub mtime: i64,
    /// Bytes that follow.
    pub size: u64,
    /// Target of a link.
    pub link: Vec<u8>,
    pub device: (u32, u32),
    /// Names with `SCHILY.xattr.` before them.
    pub attributes: BTreeMap<Vec<u8>, Vec<u8>>,
}

const BLOCK: usize = 512;
const LARGEST_ID: u64 = 0o7_777_777;
const LARGEST_SIZE: u64 = 0o77_777_777_777;

impl Entry {
    /// Writes its header, or both of them.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut extended = self.attributes.clone();
        let mut add = |key: &str, value: Vec<u8>| extended.insert(key.into(), value);
        let fits = |text: &[u8]| text.len() <= 100;
        if !fits(&self.path) {
            add("path", self.path.clone());
        }
        if !fits(&self.link) {
            add("linkpath", self.link.clone());
        }
        if self.uid > LARGEST_ID {
            add("uid", self.uid.to_string().into());
        }
        if self.gid > LARGEST_ID {
            add("gid", self.gid.to_string().into());
        }
        if self.size > LARGEST_SIZE {
            add("size", self.size.to_string().into());
        }
        if self.mtime < 0 {
            add("mtime", self.mtime.to_string().into());
        }
        if !extended.is_empty() {
            write_extended(out, &extended)?;
        }
        let mut header = Header::new_ustar();
        header.set_entry_type(self.kind.unwrap_or(EntryType::Regular));
        header.set_mode(self.mode);
        header.set_uid(self.uid.min(LARGEST_ID));
        header.set_gid(self.gid.min(LARGEST_ID));
        header.set_mtime(u64::try_from(self.mtime).unwrap_or(0));
        header.set_size(self.size.min(LARGEST_SIZE));
        header.set_device_major(self.device.0)?;
        header.set_device_minor(self.device.1)?;
        let raw = header.as_old_mut();
        let (path, link) = (cut(&self.path), cut(&self.link));
        raw.name[..path.len()].copy_from_slice(path);
        raw.linkname[..link.len()].copy_from_slice(link);
        header.set_cksum();
        out.write_all(header.as_bytes())
    }
}

/// The part that ustar has room for.
fn cut(text: &[u8]) -> &[u8] {
    &text[..text.len().min(100)]
}

fn write_extended(out: &mut impl Write, records: &BTreeMap<Vec<u8>, Vec<u8>>) -> io::Result<()> {
    let mut body = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        // The length counts its own digits.
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        body.extend_from_slice(length.to_string().as_bytes());
        body.push(b' ');
        body.extend_from_slice(key);
        body.push(b'=');
        body.extend_from_slice(value);
        body.push(b'\n');
    }
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::XHeader);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(body.len() as u64);
    header.as_old_mut().name[..9].copy_from_slice(b"PaxHeader");
    header.set_cksum();
    out.write_all(header.as_bytes())?;
    out.write_all(&body)?;
    pad(out, body.len() as u64)
}

/// Fills the last block of an entry's bytes.
pub(super) fn pad(out: &mut impl Write, size: u64) -> io::Result<()> {
    let over = (size % BLOCK as u64) as usize;
    if over == 0 {
        return Ok(());
    }
    out.write_all(&[0; BLOCK][over..])
}

/// The two empty blocks after the last entry.
pub(super) fn end(out: &mut impl Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_too_long_for_ustar_is_read_back() {
        let long = vec![b'a'; 300];
        let entry = Entry {
            path: long.clone(),
            kind: Some(EntryType::Symlink),
            link: vec![b'b'; 101],
            uid: 4_000_000_000,
            attributes: BTreeMap::from([(b"SCHILY.xattr.user.x".to_vec(), b"a\nb".to_vec())]),
            ..Entry::default()
        };
        let mut bytes = Vec::new();
        entry.write(&mut bytes).unwrap();
        end(&mut bytes).unwrap();
        assert_eq!(bytes.len() % BLOCK, 0);
        let mut archive = tar::Archive::new(&bytes[..]);
        let read = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(read.path_bytes().as_ref(), long.as_slice());
        assert_eq!(read.link_name_bytes().unwrap().len(), 101);
    }
}
