//! Gzip, packed by all processors at once: a stream of members, each of a piece of the input (RFC 1952 section 2.2).

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use libdeflater::{CompressionLvl, Compressor};

/// A piece's size in bytes: members of it are hardly larger together than one of the whole would be.
const PIECE: usize = 1 << 20;
/// A blob's share of the processors, at most; other blobs are packed at the same time.
const WORKERS: usize = 8;

type Work = (Vec<u8>, SyncSender<io::Result<Vec<u8>>>);

/// Packs what it reads.
pub struct GzipEncoder<R> {
    reader: R,
    level: CompressionLvl,
    workers: Option<Workers>,
    /// What is being packed, in order.
    ahead: VecDeque<Receiver<io::Result<Vec<u8>>>>,
    packed: Vec<u8>,
    position: usize,
    ended: bool,
}

struct Workers {
    work: Sender<Work>,
    count: usize,
}

impl<R: Read> GzipEncoder<R> {
    /// `level` is from 0, stored, to 9.
    pub fn new(reader: R, level: i32) -> io::Result<Self> {
        let level = CompressionLvl::new(level)
            .map_err(|_| io::Error::other(format!("gzip has no level {level}")))?;
        Ok(Self {
            reader,
            level,
            workers: None,
            ahead: VecDeque::new(),
            packed: Vec::new(),
            position: 0,
            ended: false,
        })
    }

    /// The next member, or None after the last.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let most = self.workers.as_ref().map_or(1, |workers| workers.count);
        while !self.ended && self.ahead.len() <= most {
            let first = self.ahead.is_empty() && self.workers.is_none();
            let mut piece = Vec::with_capacity(PIECE);
            (&mut self.reader)
                .take(PIECE as u64)
                .read_to_end(&mut piece)?;
            self.ended = piece.len() < PIECE;
            if first && self.ended {
                // So little that no thread is worth its while; also nothing at all, which is a member too.
                return pack(&mut Compressor::new(self.level), &piece).map(Some);
            }
            if !piece.is_empty() {
                self.hand_out(piece)?;
            }
        }
        match self.ahead.pop_front() {
            Some(packed) => packed.recv().map_err(io::Error::other)?.map(Some),
            None => Ok(None),
        }
    }

    fn hand_out(&mut self, piece: Vec<u8>) -> io::Result<()> {
        let workers = match &mut self.workers {
            Some(workers) => workers,
            None => self.workers.insert(Workers::start(self.level)?),
        };
        let (done, packed) = sync_channel(1);
        workers.work.send((piece, done)).map_err(io::Error::other)?;
        self.ahead.push_back(packed);
        Ok(())
    }
}

impl Workers {
    /// They end when their encoder does.
    fn start(level: CompressionLvl) -> io::Result<Self> {
        let count = thread::available_parallelism().map_or(1, |count| count.get().min(WORKERS));
        let (work, waiting) = channel::<Work>();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..count {
            let waiting = Arc::clone(&waiting);
            thread::Builder::new().spawn(move || {
                let mut compressor = Compressor::new(level);
                loop {
                    let next = waiting
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .recv();
                    let Ok((piece, done)) = next else { return };
                    // The encoder may be gone already.
                    done.send(pack(&mut compressor, &piece)).ok();
                }
            })?;
        }
        Ok(Self { work, count })
    }
}

fn pack(compressor: &mut Compressor, piece: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = vec![0; compressor.gzip_compress_bound(piece.len())];
    let size = compressor
        .gzip_compress(piece, &mut packed)
        .map_err(io::Error::other)?;
    packed.truncate(size);
    Ok(packed)
}

impl<R: Read> Read for GzipEncoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position == self.packed.len() {
            self.packed = self.next()?.unwrap_or_default();
            self.position = 0;
        }
        let mut left = &self.packed[self.position..];
        let n = left.read(buffer)?;
        self.position += n;
        Ok(n)
    }
}
