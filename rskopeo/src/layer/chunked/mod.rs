//! zstd:chunked: a zstd stream of many frames, with a table at its end that says where each file lies in it.
//!
//! ```text
//! headers │ file │ headers │ piece │ piece │ … │ table of contents │ tar-split │ footer
//! └────────── frames that any zstd reader unpacks ──────────────┘└─ skippable frames ──┘
//! ```
//!
//! Whoever has some of the files already fetches the table, and then only the ranges that are missing. The tar-split says how the
//! archive is put together again, byte for byte, from files and what is between them. The form is that of containers-storage
//! (pkg/chunked), which no other document describes; a layer with members of which that knows no form gets no table and is plain
//! zstd.

mod footer;
mod frames;
mod pieces;
mod recording;
mod rollsum;
mod split;
mod toc;

use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufRead, Read};
use std::sync::{Arc, Mutex, PoisonError};

use super::archive::{Archive, Entry};
use super::error::{LayerError, Result};
use super::path::clean;
use frames::Frames;
use pieces::Pieces;
use recording::Recording;
use split::TarSplit;
use toc::Toc;

/// Annotations of a layer in this form begin with this.
pub const ANNOTATIONS: &str = "io.github.containers.zstd-chunked.";
/// The annotation that every such layer has.
pub const CHECKSUM: &str = "io.github.containers.zstd-chunked.manifest-checksum";
/// As much as one step reads of a file.
const STEP: u64 = 128 * 1024;

/// What the layer's descriptor has to say, known when the encoder was read to its end. Empty if the layer got no table.
#[derive(Clone, Debug, Default)]
pub struct Annotations(Arc<Mutex<BTreeMap<String, String>>>);

impl Annotations {
    pub fn take(&self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, told: BTreeMap<String, String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = told;
    }
}

/// Packs the tar archive that it reads.
pub struct Encoder<R> {
    archive: Archive<Recording<R>>,
    frames: Frames,
    state: State,
    /// None once a member has shown that there can be no table.
    index: Option<Index>,
    level: i32,
    told: Annotations,
    /// What of the frames' bytes was read.
    position: usize,
}

enum State {
    Between,
    Within(Box<(Entry, Pieces)>),
    Tail,
    Done,
}

/// What the skippable frames will hold.
struct Index {
    toc: Toc,
    split: TarSplit,
    /// Every path can be there once.
    paths: HashSet<Vec<u8>>,
}

impl<R: BufRead> Encoder<R> {
    /// `level` is zstd's own.
    pub fn new(reader: R, level: i32, told: Annotations) -> io::Result<Self> {
        Ok(Self {
            archive: Archive::new(Recording::new(reader)),
            frames: Frames::new(level)?,
            state: State::Between,
            index: Some(Index {
                toc: Toc::default(),
                split: TarSplit::new(level)?,
                paths: HashSet::new(),
            }),
            level,
            told,
            position: 0,
        })
    }

    /// Packs some more.
    fn step(&mut self) -> Result<()> {
        self.state = match std::mem::replace(&mut self.state, State::Done) {
            State::Between => self.next_member()?,
            State::Within(member) => self.content(member)?,
            State::Tail => self.tail()?,
            State::Done => State::Done,
        };
        Ok(())
    }

    fn next_member(&mut self) -> Result<State> {
        let entry = self.archive.next_entry()?;
        let raw = self.archive.input().take();
        self.frames.write(&raw)?;
        if let Some(index) = &mut self.index {
            index.split.between(&raw)?;
        }
        let Some(entry) = entry else {
            return Ok(State::Tail);
        };
        let indexed = self.index.as_mut().is_some_and(|index| {
            let first = |path| index.paths.insert(path);
            toc::can_hold(&entry, &raw) && clean(&entry.path).is_ok_and(first)
        });
        if !indexed {
            self.index = None;
        }
        if let Some(index) = &mut self.index {
            index.toc.begin(&entry, &raw)?;
        }
        self.archive.input().pause();
        Ok(State::Within(Box::new((entry, Pieces::default()))))
    }

    fn content(&mut self, mut member: Box<(Entry, Pieces)>) -> Result<State> {
        let frames = &mut self.frames;
        let n = self.archive.content(STEP, |bytes| {
            member.1.take(bytes, frames)?;
            Ok(bytes.len())
        })?;
        if n > 0 {
            return Ok(State::Within(member));
        }
        let (entry, pieces) = *member;
        let content = pieces.finish(frames)?;
        if let Some(index) = &mut self.index {
            index.split.file(&entry.path, &content)?;
            index.toc.content(content);
        }
        self.archive.input().go_on();
        Ok(State::Between)
    }

    /// What follows the last member belongs to the archive too, whatever it is.
    fn tail(&mut self) -> Result<State> {
        let input = self.archive.input();
        let rest = input.fill_buf()?;
        let n = rest.len();
        if n > 0 {
            self.frames.write(rest)?;
            if let Some(index) = &mut self.index {
                index.split.between(rest)?;
            }
            self.archive.input().pass(n);
            return Ok(State::Tail);
        }
        let start = self.frames.end()?;
        if let Some(Index { toc, split, .. }) = self.index.take() {
            let end = footer::write(&mut self.frames.packed, start, toc, split, self.level)?;
            self.told.put(end);
        }
        Ok(State::Done)
    }
}

impl<R: BufRead> Read for Encoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position == self.frames.packed.len() {
            if matches!(self.state, State::Done) {
                return Ok(0);
            }
            self.frames.packed.clear();
            self.position = 0;
            self.step().map_err(|error| match error {
                LayerError::Read(error) => error,
                other => io::Error::new(io::ErrorKind::InvalidData, other),
            })?;
        }
        let n = (&self.frames.packed[self.position..]).read(buffer)?;
        self.position += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
