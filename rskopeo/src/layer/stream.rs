//! From a blob's bytes to a tree in one pass, decompression beside writing.

use std::io::{self, BufRead, Read};

use super::error::{LayerError, Result};
use super::extract::Extractor;
use super::overlay::Unsettled;
use super::ratio::{Bounded, Counted};
use super::watch::{Input, Member, Watcher};
use crate::ahead::{self, Ahead};
use crate::compression::decompress;
use crate::digest::{Digest, Hasher};

/// Writes the layer in `blob`, compressed or not, to the extractor's tree, and checks its diffID. Tells what an overlay's layer leaves open.
/// `blob` is read to its end; checking its own digest is its reader's part.
///
/// # Errors
/// Whatever stops it leaves the tree half-written: the caller throws it away.
pub fn apply(
    blob: impl Read + Send,
    diff_id: Option<&Digest>,
    extractor: &mut Extractor,
) -> Result<Unsettled> {
    apply_watched(blob, diff_id, extractor, None)
}

/// The same, while somebody looks on.
pub fn apply_watched(
    blob: impl Read + Send,
    diff_id: Option<&Digest>,
    extractor: &mut Extractor,
    watcher: Option<&mut dyn Watcher>,
) -> Result<Unsettled> {
    let (blob, read) = Counted::new(blob);
    let plain = Bounded::new(decompress(blob)?, read, extractor.limits().ratio);
    let mut hasher = diff_id.map_or_else(Hasher::sha256, Digest::hasher);
    let unsettled = ahead::read(plain, |ahead| {
        extractor.layer(Plain::new(ahead, &mut hasher, watcher))
    })??;
    let actual = hasher.finish();
    match diff_id {
        Some(expected) if *expected != actual => Err(LayerError::DiffId {
            expected: expected.to_string(),
            actual: actual.to_string(),
        }),
        _ => Ok(unsettled),
    }
}

/// The layer's plain bytes, hashed chunk by chunk.
struct Plain<'a, 'w> {
    ahead: Ahead,
    hasher: &'a mut Hasher,
    watcher: Option<&'w mut dyn Watcher>,
}

impl<'a, 'w> Plain<'a, 'w> {
    fn new(ahead: Ahead, hasher: &'a mut Hasher, watcher: Option<&'w mut dyn Watcher>) -> Self {
        hasher.update(ahead.first());
        Self {
            ahead,
            hasher,
            watcher,
        }
    }
}

impl BufRead for Plain<'_, '_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.ahead.left().is_empty() {
            match self.ahead.next_chunk()? {
                Some(chunk) => self.hasher.update(chunk),
                None => break,
            }
        }
        Ok(self.ahead.left())
    }

    fn consume(&mut self, n: usize) {
        if let Some(watcher) = &mut self.watcher {
            watcher.passed(&self.ahead.left()[..n]);
        }
        self.ahead.consume(n);
    }
}

impl Input for Plain<'_, '_> {
    fn begins(&mut self, member: &Member<'_>) -> io::Result<()> {
        match &mut self.watcher {
            Some(watcher) => watcher.begins(member),
            None => Ok(()),
        }
    }
}

impl Read for Plain<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.fill_buf()?;
        let n = bytes.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}
