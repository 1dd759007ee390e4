#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

fn entries(bytes: &[u8]) -> Result<Vec<Entry>> {
    let mut archive = Archive::new(bytes);
    let mut entries = Vec::new();
    while let Some(entry) = archive.next_entry()? {
        entries.push(entry);
    }
    archive.drain()?;
    Ok(entries)
}

fn header(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_path("name").unwrap();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    header
}

#[test]
fn pax_records_win_over_the_header() {
    let mut builder = tar::Builder::new(Vec::new());
    builder
        .append_pax_extensions([
            ("path", b"long/name".as_slice()),
            ("uid", b"100000"),
            ("mtime", b"5.25"),
            ("SCHILY.xattr.security.capability", b"\x01\n=\n\0"),
        ])
        .unwrap();
    builder
        .append(&header(EntryType::Regular, 0), &b""[..])
        .unwrap();
    let entry = entries(&builder.into_inner().unwrap()).unwrap().remove(0);
    assert_eq!(entry.path, b"long/name");
    assert_eq!(entry.uid, 100_000);
    assert_eq!(entry.mtime, TimeSpec::new(5, 250_000_000));
    assert_eq!(
        entry.xattrs,
        [(b"security.capability".to_vec(), b"\x01\n=\n\0".to_vec())]
    );
}

#[test]
fn gnu_long_names() {
    let long = "d/".repeat(150) + "file";
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(0);
    header.set_entry_type(EntryType::Symlink);
    builder.append_link(&mut header, &long, &long).unwrap();
    let entry = entries(&builder.into_inner().unwrap()).unwrap().remove(0);
    assert_eq!(
        (entry.path, entry.link),
        (long.clone().into_bytes(), long.into_bytes())
    );
}

#[test]
fn a_huge_extension_header_is_refused() {
    for kind in [
        EntryType::XHeader,
        EntryType::GNULongName,
        EntryType::XGlobalHeader,
    ] {
        let bytes = header(kind, 1 << 40).as_bytes().to_vec();
        let error = entries(&bytes).unwrap_err().to_string();
        assert!(error.contains("extension header"), "{error}");
    }
}

#[test]
fn cut_off_archives_are_errors() {
    let mut builder = tar::Builder::new(Vec::new());
    builder
        .append(&header(EntryType::Regular, 1000), &[7u8; 1000][..])
        .unwrap();
    let bytes = builder.into_inner().unwrap();
    assert_eq!(entries(&bytes).unwrap().len(), 1);
    for length in [100, 512, 700] {
        assert!(entries(&bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn the_last_padding_may_be_missing() {
    let mut bytes = header(EntryType::Regular, 3).as_bytes().to_vec();
    bytes.extend(b"abc");
    assert_eq!(entries(&bytes).unwrap().len(), 1);
}

#[test]
fn ids_that_chown_would_ignore_are_refused() {
    let mut header = header(EntryType::Regular, 0);
    header.set_uid(u64::from(u32::MAX));
    header.set_cksum();
    assert!(entries(header.as_bytes()).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        let _ = entries(&bytes);
    }

    #[test]
    fn a_damaged_archive_is_read_or_refused(at in 0usize..1536, byte in any::<u8>()) {
        let mut builder = tar::Builder::new(Vec::new());
        builder.append_pax_extensions([("GNU.sparse.map", b"0,1,5,2".as_slice()), ("GNU.sparse.size", b"9")]).unwrap();
        builder.append(&header(EntryType::Regular, 3), &b"abc"[..]).unwrap();
        let mut bytes = builder.into_inner().unwrap();
        bytes[at] = byte;
        let _ = entries(&bytes);
    }
}
