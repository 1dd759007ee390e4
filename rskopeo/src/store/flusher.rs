//! Writing to the disk beside the work: what has come goes there while more comes, and little is left to wait for at the end.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use anyhow::{Context, Result};
use nix::unistd::syncfs;

/// Bytes of blobs, which mean some three times as many of files.
const MUCH: u64 = 16 << 20;

/// Tells the kernel from time to time to write. Nothing depends on it: whoever needs to know syncs again, and is told of errors.
#[derive(Clone, Debug)]
pub struct Flusher(Arc<State>);

#[derive(Debug)]
struct State {
    directory: File,
    /// Bytes since the last time.
    waiting: AtomicU64,
    busy: AtomicBool,
}

impl Flusher {
    /// For what is written to the file system of `directory`.
    pub fn of(directory: &Path) -> Result<Self> {
        let directory =
            File::open(directory).with_context(|| format!("open {}", directory.display()))?;
        Ok(Self(Arc::new(State {
            directory,
            waiting: AtomicU64::new(0),
            busy: AtomicBool::new(false),
        })))
    }

    /// So many bytes more have come.
    pub fn wrote(&self, bytes: usize) {
        let state = &self.0;
        let waiting = state.waiting.fetch_add(bytes as u64, Ordering::Relaxed);
        if waiting < MUCH || state.busy.swap(true, Ordering::Relaxed) {
            return;
        }
        state.waiting.store(0, Ordering::Relaxed);
        let shared = Arc::clone(state);
        let flush = move || {
            syncfs(&shared.directory).ok();
            shared.busy.store(false, Ordering::Relaxed);
        };
        // Where no thread is to be had, all is left for the end.
        thread::Builder::new().spawn(flush).ok();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_flushes_when_much_has_come() {
        let directory = tempfile::tempdir().unwrap();
        let flusher = Flusher::of(directory.path()).unwrap();
        let waiting = || flusher.0.waiting.load(Ordering::Relaxed);
        flusher.wrote(MUCH as usize);
        assert_eq!(waiting(), MUCH);
        flusher.wrote(1);
        assert_eq!(waiting(), 0);
        while flusher.0.busy.load(Ordering::Relaxed) {
            thread::yield_now();
        }
    }
}
