//! A file's content in pieces, each packed and hashed on its own; long runs of zeros are pieces too.

use std::io;

use super::frames::Frames;
use super::rollsum::RollSum;
use super::split::Crc64;
use crate::digest::{Digest, Hasher};

/// So many zeros in a row are a hole.
const HOLE: u64 = 1024;
const BUFFER: usize = 64 * 1024;

/// A piece of a file that was packed.
#[derive(Debug)]
pub(super) struct Piece {
    /// Where it begins in the file.
    pub(super) at: u64,
    /// Where its frame begins.
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) digest: Digest,
    pub(super) is_hole: bool,
}

/// All of a file.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) pieces: Vec<Piece>,
    /// Where its last frame ends.
    pub(super) end: u64,
    pub(super) size: u64,
    pub(super) digest: Digest,
    pub(super) crc: [u8; 8],
}

/// A file while it is read.
#[derive(Debug)]
pub(super) struct Pieces {
    done: Vec<Piece>,
    whole: Hasher,
    crc: Crc64,
    rollsum: RollSum,
    /// Seen and not yet known to be a hole.
    zeros: u64,
    /// Of the current piece, what was not packed yet.
    buffer: Vec<u8>,
    hasher: Hasher,
    /// What of the file is in pieces, and in the current one without its buffer.
    packed: u64,
    current: u64,
    /// Where the current piece's frame begins; None before the first byte.
    offset: Option<u64>,
}

impl Default for Pieces {
    fn default() -> Self {
        Self {
            done: Vec::new(),
            whole: Hasher::sha256(),
            crc: Crc64::default(),
            rollsum: RollSum::default(),
            zeros: 0,
            buffer: Vec::new(),
            hasher: Hasher::sha256(),
            packed: 0,
            current: 0,
            offset: None,
        }
    }
}

impl Pieces {
    pub(super) fn take(&mut self, bytes: &[u8], frames: &mut Frames) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.offset.is_none() {
            self.offset = Some(frames.end()?);
        }
        self.whole.update(bytes);
        self.crc.update(bytes);
        for byte in bytes {
            if *byte == 0 {
                self.zeros += 1;
                continue;
            }
            self.settle(frames)?;
            self.push(*byte, frames)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self, frames: &mut Frames) -> io::Result<Content> {
        self.settle(frames)?;
        self.cut(false, frames)?;
        Ok(Content {
            end: self.offset.unwrap_or(0),
            size: self.packed,
            digest: self.whole.finish(),
            crc: self.crc.finish(),
            pieces: self.done,
        })
    }

    /// The zeros seen so far are all there are in a row.
    fn settle(&mut self, frames: &mut Frames) -> io::Result<()> {
        let zeros = std::mem::take(&mut self.zeros);
        if zeros < HOLE {
            for _ in 0..zeros {
                self.push(0, frames)?;
            }
            return Ok(());
        }
        self.cut(false, frames)?;
        self.rollsum.zeros(zeros);
        let mut left = zeros;
        while left > 0 {
            let n = left.min(BUFFER as u64);
            self.buffer.resize(n as usize, 0);
            self.flush(frames)?;
            left -= n;
        }
        self.cut(true, frames)
    }

    fn push(&mut self, byte: u8, frames: &mut Frames) -> io::Result<()> {
        self.buffer.push(byte);
        if self.rollsum.roll(byte) {
            self.cut(false, frames)
        } else if self.buffer.len() >= BUFFER {
            self.flush(frames)
        } else {
            Ok(())
        }
    }

    fn flush(&mut self, frames: &mut Frames) -> io::Result<()> {
        frames.write(&self.buffer)?;
        self.hasher.update(&self.buffer);
        self.current += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Ends the current piece, if there is something in it.
    fn cut(&mut self, is_hole: bool, frames: &mut Frames) -> io::Result<()> {
        self.flush(frames)?;
        if self.current == 0 {
            return Ok(());
        }
        let end = frames.end()?;
        let hasher = std::mem::replace(&mut self.hasher, Hasher::sha256());
        let size = std::mem::take(&mut self.current);
        self.done.push(Piece {
            at: self.packed,
            offset: self.offset.replace(end).unwrap_or(0),
            size,
            digest: hasher.finish(),
            is_hole,
        });
        self.packed += size;
        Ok(())
    }
}
