//! A bound on how much a compressed layer may grow, so that a small blob cannot fill a disk.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::LayerError;

/// Plain bytes that any layer may have, however well it is compressed: an honest file of zeros packs a thousandfold.
const FREE: u64 = 1 << 30;

/// Counts the bytes of the blob as they are read.
#[derive(Debug)]
pub(super) struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    pub(super) fn new(inner: R) -> (Self, Arc<AtomicU64>) {
        let read = Arc::default();
        let counter = Arc::clone(&read);
        (Self { inner, read }, counter)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// The plain bytes, which fail once there are too many for what was read of the blob.
#[derive(Debug)]
pub(super) struct Bounded<R> {
    plain: R,
    given: u64,
    free: u64,
    read: Arc<AtomicU64>,
    ratio: u64,
}

impl<R> Bounded<R> {
    pub(super) fn new(plain: R, read: Arc<AtomicU64>, ratio: u64) -> Self {
        Self {
            plain,
            given: 0,
            free: FREE,
            read,
            ratio,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.plain.read(buffer)?;
        self.given += n as u64;
        let most = self.read.load(Ordering::Relaxed).saturating_mul(self.ratio);
        if self.given > self.free.max(most) {
            return Err(io::Error::other(LayerError::Limit {
                what: "plain bytes for each byte of its blob",
                limit: self.ratio,
                option: "max-ratio",
            }));
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn plain(times: u64, free: u64) -> io::Result<u64> {
        let (mut blob, read) = Counted::new(&[1u8; 100][..]);
        io::copy(&mut blob, &mut io::sink())?;
        let mut bounded = Bounded::new(io::repeat(0).take(100 * times), read, 10);
        bounded.free = free;
        io::copy(&mut bounded, &mut io::sink())
    }

    #[test]
    fn bounds_growth() {
        assert_eq!(plain(10, 0).unwrap(), 1000);
        assert_eq!(plain(11, 2000).unwrap(), 1100);
        let error = plain(11, 0).unwrap_err().to_string();
        assert!(error.contains("--max-ratio"), "{error}");
    }
}
