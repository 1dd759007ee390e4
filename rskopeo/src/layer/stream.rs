//! From a blob's bytes to a tree in one pass, decompression beside writing.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::error::{LayerError, Result};
use super::extract::Extractor;
use super::overlay::Unsettled;
use super::ratio::{Bounded, Counted};
use super::watch::{Input, Member, Watcher};
use crate::compression::decompress;
use crate::digest::{Digest, Hasher};

const CHUNK: usize = 256 * 1024;
/// Chunks that may wait to be written.
const AHEAD: usize = 8;

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
    let mut plain = Bounded::new(decompress(blob)?, read, extractor.limits().ratio);
    let (first, ended) = chunk(&mut plain)?;
    let mut hasher = diff_id.map_or_else(Hasher::sha256, Digest::hasher);
    let unsettled = if ended {
        extractor.layer(Plain::new(first, None, &mut hasher, watcher))?
    } else {
        thread::scope(|scope| {
            let (sender, receiver) = sync_channel(AHEAD);
            scope.spawn(move || pump(plain, &sender));
            extractor.layer(Plain::new(first, Some(receiver), &mut hasher, watcher))
        })?
    };
    let actual = hasher.finish();
    match diff_id {
        Some(expected) if *expected != actual => Err(LayerError::DiffId {
            expected: expected.to_string(),
            actual: actual.to_string(),
        }),
        _ => Ok(unsettled),
    }
}

/// Reads ahead until the end, an error, or the other side's going away.
fn pump(mut plain: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let (message, last) = match chunk(&mut plain) {
            Ok((bytes, ended)) => (Ok(bytes), ended),
            Err(error) => (Err(error), true),
        };
        if sender.send(message).is_err() || last {
            return;
        }
    }
}

/// One chunk, full unless the input has ended.
fn chunk(plain: &mut impl Read) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::with_capacity(CHUNK);
    let n = plain.by_ref().take(CHUNK as u64).read_to_end(&mut bytes)?;
    Ok((bytes, n < CHUNK))
}

/// The layer's plain bytes, hashed as they are handed on.
struct Plain<'a, 'w> {
    current: Vec<u8>,
    position: usize,
    more: Option<Receiver<io::Result<Vec<u8>>>>,
    hasher: &'a mut Hasher,
    watcher: Option<&'w mut dyn Watcher>,
}

impl<'a, 'w> Plain<'a, 'w> {
    fn new(
        first: Vec<u8>,
        more: Option<Receiver<io::Result<Vec<u8>>>>,
        hasher: &'a mut Hasher,
        watcher: Option<&'w mut dyn Watcher>,
    ) -> Self {
        hasher.update(&first);
        Self {
            current: first,
            position: 0,
            more,
            hasher,
            watcher,
        }
    }
}

impl BufRead for Plain<'_, '_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.position == self.current.len() {
            // The sender goes away after the last chunk.
            let Some(Ok(next)) = self.more.as_ref().map(Receiver::recv) else {
                break;
            };
            self.current = next?;
            self.position = 0;
            self.hasher.update(&self.current);
        }
        Ok(&self.current[self.position..])
    }

    fn consume(&mut self, n: usize) {
        if let Some(watcher) = &mut self.watcher {
            watcher.passed(&self.current[self.position..self.position + n]);
        }
        self.position += n;
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
