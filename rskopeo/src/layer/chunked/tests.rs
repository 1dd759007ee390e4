#![allow(clippy::unwrap_used)]

use std::io::Write;

use super::*;
use crate::digest::Digest;
use proptest::prelude::*;
use serde_json::Value;

fn packed(tar: &[u8]) -> (Vec<u8>, BTreeMap<String, String>) {
    let told = Annotations::default();
    let mut encoder = Encoder::new(tar, 3, told.clone()).unwrap();
    let mut packed = Vec::new();
    encoder.read_to_end(&mut packed).unwrap();
    (packed, told.take())
}

fn plain(packed: &[u8]) -> Vec<u8> {
    zstd::stream::decode_all(packed).unwrap()
}

fn numbers(text: &str) -> Vec<usize> {
    text.split(':').map(|part| part.parse().unwrap()).collect()
}

/// Every file by its own frames, from what a reader knows: the annotations.
fn files(packed: &[u8], told: &BTreeMap<String, String>) -> BTreeMap<String, Vec<u8>> {
    let at = numbers(&told["io.github.containers.zstd-chunked.manifest-position"]);
    let table = &packed[at[0]..at[0] + at[1]];
    assert_eq!(Digest::sha256(table).as_str(), told[CHECKSUM]);
    let table = plain(table);
    assert_eq!(table.len(), at[2]);
    let table: Value = serde_json::from_slice(&table).unwrap();
    assert_eq!(table["version"], 1);
    let number = |entry: &Value, key: &str| entry[key].as_u64().unwrap_or(0) as usize;
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut digests = Vec::new();
    let entries = table["entries"].as_array().unwrap();
    for (n, entry) in entries.iter().enumerate() {
        let name = entry["name"].as_str().unwrap().to_owned();
        if let Some(digest) = entry["digest"].as_str() {
            digests.push((name.clone(), digest.to_owned()));
        }
        let offset = number(entry, "offset");
        if offset == 0 {
            files.entry(name).or_default();
            continue;
        }
        let next = entries.get(n + 1).filter(|next| next["type"] == "chunk");
        let end = match next {
            Some(next) => number(next, "offset"),
            None if entry["type"] == "chunk" => {
                let first = entries[..n]
                    .iter()
                    .rev()
                    .find(|entry| entry["type"] == "reg");
                number(first.unwrap(), "endOffset")
            }
            None => number(entry, "endOffset"),
        };
        let piece = plain(&packed[offset..end]);
        if let Some(digest) = entry["chunkDigest"].as_str() {
            assert_eq!(Digest::sha256(&piece).as_str(), digest);
            assert_eq!(number(entry, "chunkSize"), piece.len());
            let zeros = piece.iter().all(|byte| *byte == 0);
            assert_eq!(entry["chunkType"] == "zeros", zeros && piece.len() >= 1024);
        }
        let file = files.entry(name).or_default();
        assert_eq!(number(entry, "chunkOffset"), file.len());
        file.extend(piece);
    }
    for (name, digest) in digests {
        assert_eq!(Digest::sha256(&files[&name]).as_str(), digest, "{name}");
    }
    // The archive again, of the tar-split and the files.
    let at = numbers(&told["io.github.containers.zstd-chunked.tarsplit-position"]);
    let split = &packed[at[0]..at[0] + at[1]];
    assert_eq!(table["tarSplitDigest"], Digest::sha256(split).as_str());
    let split = plain(split);
    assert_eq!(split.len(), at[2]);
    let mut tar = Vec::new();
    for (n, line) in split.split(|byte| *byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let line: Value = serde_json::from_slice(line).unwrap();
        assert_eq!(line["position"], n);
        if line["type"] == 1 {
            let name = line["name"].as_str().unwrap();
            tar.extend(&files[name]);
        } else {
            use base64::Engine as _;
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(line["payload"].as_str().unwrap())
                .unwrap();
            tar.extend(bytes);
        }
    }
    assert!(tar == plain(packed), "the tar-split makes another archive");
    assert_eq!(&packed[packed.len() - 8..], b"GNUlInUx");
    files
}

fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_700_000_000);
        tar.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    tar.into_inner().unwrap()
}

/// Bytes that look like anything but each other.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    (0..size)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        })
        .collect()
}

#[test]
fn every_file_can_be_read_alone() {
    let mut holey = noise(3000);
    holey.extend([0; 300_000]);
    holey.extend(noise(1000));
    holey.extend([0; 1023]);
    holey.extend([7; 10]);
    holey.extend([0; 2000]);
    let long = "a/".repeat(90) + "file";
    let members = [
        ("empty", Vec::new()),
        ("small", b"hello".to_vec()),
        ("zeros", vec![0; 5000]),
        ("large", noise(1_000_000)),
        ("holey", holey),
        (long.as_str(), b"long".to_vec()),
    ];
    let tar = archive(&members);
    let (packed, told) = packed(&tar);
    assert!(plain(&packed) == tar);
    let files = files(&packed, &told);
    for (name, bytes) in &members {
        assert!(files[*name] == *bytes, "{name}");
    }
}

#[test]
fn a_change_in_a_file_leaves_its_other_pieces() {
    let before = noise(2_000_000);
    let mut after = before.clone();
    after.insert(1000, 1);
    let digests = |bytes: &[u8]| -> HashSet<String> {
        let (packed, told) = packed(&archive(&[("f", bytes.to_vec())]));
        let at = numbers(&told["io.github.containers.zstd-chunked.manifest-position"]);
        let table: Value = serde_json::from_slice(&plain(&packed[at[0]..at[0] + at[1]])).unwrap();
        let entries = table["entries"].as_array().unwrap();
        entries
            .iter()
            .map(|entry| entry["chunkDigest"].to_string())
            .collect()
    };
    let (before, after) = (digests(&before), digests(&after));
    assert!(before.len() > 10, "{}", before.len());
    assert!(before.difference(&after).count() <= 2);
}

#[test]
fn what_no_table_can_tell_is_plain_zstd() {
    let twice = archive(&[("a", b"1".to_vec()), ("./a", b"2".to_vec())]);
    let mut global = tar::Header::new_ustar();
    global.set_entry_type(tar::EntryType::XGlobalHeader);
    global.set_size(0);
    global.set_cksum();
    let mut commented = global.as_bytes().to_vec();
    commented.extend(archive(&[("a", b"1".to_vec())]));
    for tar in [twice, commented] {
        let (packed, told) = packed(&tar);
        assert!(told.is_empty(), "{told:?}");
        assert!(plain(&packed) == tar);
    }
}

#[test]
fn what_follows_the_archive_stays() {
    let mut tar = archive(&[("a", b"1".to_vec())]);
    tar.extend([0; 10_000]);
    tar.write_all(b"more").unwrap();
    let (packed, told) = packed(&tar);
    assert!(plain(&packed) == tar);
    files(&packed, &told);
}

#[test]
fn what_is_no_archive_is_refused() {
    let told = Annotations::default();
    let mut encoder = Encoder::new(&[1_u8; 2000][..], 3, told).unwrap();
    assert!(encoder.read_to_end(&mut Vec::new()).is_err());
}

proptest! {
    #[test]
    fn any_content_comes_back(runs in proptest::collection::vec((any::<u8>(), 1usize..3000), 0..40)) {
        let bytes: Vec<u8> = runs.iter().flat_map(|(byte, count)| vec![byte / 4; *count]).collect();
        let tar = archive(&[("f", bytes.clone())]);
        let (packed, told) = packed(&tar);
        prop_assert!(files(&packed, &told)["f"] == bytes);
    }
}
