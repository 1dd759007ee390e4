#![allow(clippy::unwrap_used)]
//! Records of archives as archivers write them, put together again from what was unpacked.

use std::fs::{self, File};
use std::io::{self, Read, Write};

use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use super::*;
use crate::layer::{Extractor, Form, Limits, Options, Owners, apply_watched};

fn options() -> Options {
    Options {
        form: Form::Overlay,
        owners: Owners::Callers,
        limits: Limits::default(),
    }
}

/// Unpacks the archive, and puts it together again from the tree and the record alone.
fn there_and_back(archive: &[u8]) -> io::Result<(Facts, Vec<u8>)> {
    let directory = tempfile::tempdir()?;
    let tree = directory.path().join("tree");
    fs::create_dir(&tree)?;
    let mut recorder = Recorder::new(File::create(directory.path().join("record"))?);
    let mut extractor = Extractor::new(File::open(&tree)?.into(), options());
    let done = apply_watched(archive, None, &mut extractor, Some(&mut recorder));
    done.map_err(|error| {
        io::Error::other(format!("{error}: {:?}", std::error::Error::source(&error)))
    })?;
    let (facts, _) = recorder.finish()?;
    let record = File::open(directory.path().join("record"))?;
    let mut bytes = Vec::new();
    Assembler::new(record, vec![File::open(&tree)?.into()]).read_to_end(&mut bytes)?;
    Ok((facts, bytes))
}

fn header(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1);
    header
}

fn sample() -> Builder<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    let mut put = |kind, name: &str, content: &[u8]| {
        let mut header = header(kind, content.len() as u64);
        tar.append_data(&mut header, name, content).unwrap();
    };
    put(EntryType::Directory, "./etc/", b"");
    put(EntryType::Regular, "etc/motd", &[b'x'; 70_000]);
    put(EntryType::Regular, "etc/empty", b"");
    put(EntryType::Regular, &"long/".repeat(40), b"");
    put(EntryType::Regular, "etc/.wh.gone", b"");
    put(EntryType::Directory, "etc", b"");
    let mut link = header(EntryType::Link, 0);
    tar.append_link(&mut link, "etc/again", "etc/motd").unwrap();
    tar
}

#[test]
fn an_archive_comes_back_byte_for_byte() {
    let mut archive = sample().into_inner().unwrap();
    // What some archivers pad with, and some registries sign.
    archive.extend([0; 10240]);
    archive.extend(b"and more");
    let (facts, back) = there_and_back(&archive).unwrap();
    assert!(back == archive);
    assert_eq!(facts.size, archive.len() as u64);
    assert_eq!((facts.uids.len(), facts.has_root), (1, false));
}

#[test]
fn content_that_no_file_holds_is_kept() {
    let mut tar = sample();
    // A whiteout with content, and a name that is no UTF-8.
    let mut mark = header(EntryType::Regular, 4);
    tar.append_data(&mut mark, ".wh.a", &b"what"[..]).unwrap();
    let mut odd = header(EntryType::Regular, 3);
    odd.as_mut_bytes()[..3].copy_from_slice(b"a\xffb");
    odd.set_cksum();
    tar.append(&odd, &b"odd"[..]).unwrap();
    let archive = tar.into_inner().unwrap();
    assert!(there_and_back(&archive).unwrap().1 == archive);
}

#[test]
fn a_name_twice_is_refused_where_content_would_be_lost() {
    let mut tar = sample();
    let mut second = header(EntryType::Regular, 1);
    tar.append_data(&mut second, ".//etc/motd", &b"y"[..])
        .unwrap();
    let told = there_and_back(&tar.into_inner().unwrap()).unwrap_err();
    assert!(told.to_string().contains("two files of the name"), "{told}");
}

#[test]
fn a_changed_file_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let record = |size: u64| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut crc = crc64::Crc64::new();
        crc.update(b"hello");
        let sum = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, crc.sum());
        writeln!(
            gzip,
            r#"{{"type":1,"name":"f","size":{size},"payload":"{sum}","position":0}}"#
        )
        .unwrap();
        fs::write(path("record"), gzip.finish().unwrap()).unwrap();
    };
    let read = || {
        let tree = File::open(directory.path()).unwrap();
        let mut bytes = Vec::new();
        Assembler::new(File::open(path("record")).unwrap(), vec![tree.into()])
            .read_to_end(&mut bytes)
            .map(|_| bytes)
    };
    record(5);
    assert!(read().unwrap_err().to_string().contains("open f"));
    for (content, good) in [("hello", true), ("hallo", false), ("hell", false)] {
        fs::write(path("f"), content).unwrap();
        assert_eq!(read().is_ok(), good, "{content}");
    }
    // A link that leads out of the layer leads to nothing.
    fs::remove_file(path("f")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", path("f")).unwrap();
    assert!(read().is_err());
}

proptest! {
    #[test]
    fn any_record_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), pack: bool) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("record");
        let mut out = Vec::new();
        if pack {
            let mut gzip = flate2::write::GzEncoder::new(&mut out, flate2::Compression::fast());
            gzip.write_all(&bytes).unwrap();
            gzip.finish().unwrap();
        } else {
            out = bytes;
        }
        fs::write(&path, out).unwrap();
        let mut all = Vec::new();
        let tree = File::open(directory.path()).unwrap();
        Assembler::new(File::open(&path).unwrap(), vec![tree.into()]).read_to_end(&mut all).ok();
    }
}
