#![allow(clippy::unwrap_used)]
//! A short walk around the seeds of `fuzz/`, the same one each time, on the stable toolchain: `scripts/fuzz` goes further.

use std::fs;
use std::path::Path;

/// Descendants of all seeds of a target: of texts, and of what takes a directory to be tried.
const TEXTS: usize = 1500;
const TREES: usize = 200;
/// The longest input that is worth the time, in bytes.
const MOST: usize = 16 << 10;

/// George Marsaglia's xorshift64: enough to choose by, and the same on every machine.
struct Choice(u64);

impl Choice {
    /// Below `n`, which is not 0.
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    fn range(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let start = self.below(bytes.len() + 1);
        let length = self.below(bytes.len() - start + 1);
        start..start + length.min(1 << self.below(12))
    }

    fn of<'a>(&mut self, seeds: &'a [Vec<u8>]) -> &'a [u8] {
        &seeds[self.below(seeds.len())]
    }

    /// One change, of those that parsers stumble over.
    fn change(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        const BYTES: &[u8] = b"\0\x01\x7f\x80\xff\n\"\\/.:@-+[]{},0917 \x1f";
        const WORDS: [&[u8]; 12] = [
            b"null",
            b"-1",
            b"18446744073709551615",
            b"1e309",
            b"[[[[[[[[",
            b"{\"\":",
            b"..",
            b"../../",
            b"\xf0\x9f\x98\x80",
            b"\xed\xa0\x80",
            b"%00",
            b"sha256:",
        ];
        let range = self.range(bytes);
        match self.below(7) {
            0 => bytes
                .iter_mut()
                .skip(range.start)
                .take(1)
                .for_each(|byte| *byte ^= 1 << self.below(8)),
            1 => bytes
                .iter_mut()
                .skip(range.start)
                .take(1)
                .for_each(|byte| *byte = BYTES[self.below(BYTES.len())]),
            2 => bytes.drain(range).for_each(drop),
            3 => {
                let again = bytes[range.clone()].to_vec();
                bytes.splice(range.end..range.end, again);
            }
            4 => {
                let word = WORDS[self.below(WORDS.len())];
                bytes.splice(range, word.iter().copied());
            }
            5 => bytes.truncate(range.end),
            _ => {
                let other = self.of(seeds);
                let part = &other[self.range(other)];
                bytes.splice(range, part.iter().copied());
            }
        }
        bytes.truncate(MOST);
    }
}

/// Feeds the target with its seeds and with what they become; `mend` makes again what no parser looks behind of.
fn walk(target: fn(&[u8]), name: &str, rounds: usize, mend: fn(&mut [u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(name);
    let mut paths: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let seeds: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    seeds.iter().for_each(|seed| target(seed));
    let mut choice = Choice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..rounds {
        let mut bytes = choice.of(&seeds).to_vec();
        for _ in 0..=choice.below(6) {
            choice.change(&mut bytes, &seeds);
        }
        mend(&mut bytes);
        target(&bytes);
    }
}

fn nothing(_: &mut [u8]) {}

/// The checksums of a tar archive's headers.
fn checksums(bytes: &mut [u8]) {
    for block in bytes
        .chunks_exact_mut(512)
        .filter(|block| block[257..].starts_with(b"ustar"))
    {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

/// One test for each target: its name is that of its seeds, too.
macro_rules! walks {
    ($($target:ident: $rounds:expr, $mend:expr;)*) => {
        $(
            #[test]
            fn $target() {
                walk(super::$target, stringify!($target), $rounds, $mend);
            }
        )*
    };
}

walks! {
    references: TEXTS, nothing;
    manifests: TEXTS, nothing;
    schema1: TEXTS, nothing;
    encryption: TEXTS, nothing;
    policy: TEXTS, nothing;
    registries: TEXTS, nothing;
    signatures: TEXTS, nothing;
    tar_split: TREES, nothing;
    unpack: TREES, checksums;
}
