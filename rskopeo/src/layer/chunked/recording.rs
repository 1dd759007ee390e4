//! What a tar reader reads between the files: headers and padding.

use std::io::{self, BufRead, Read};

/// More than this between two files is no archive of anybody's, in bytes.
const MOST: usize = 16 << 20;

/// Keeps the bytes that pass through it, unless paused.
#[derive(Debug)]
pub(super) struct Recording<R> {
    inner: R,
    paused: bool,
    bytes: Vec<u8>,
    /// `consume` cannot fail; the next read does.
    overflowed: bool,
}

impl<R: BufRead> Recording<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            paused: false,
            bytes: Vec::new(),
            overflowed: false,
        }
    }

    /// What was recorded since the last time.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    pub(super) fn pause(&mut self) {
        self.paused = true;
    }

    pub(super) fn go_on(&mut self) {
        self.paused = false;
    }

    /// Consumes without recording.
    pub(super) fn pass(&mut self, n: usize) {
        self.inner.consume(n);
    }
}

impl<R: BufRead> BufRead for Recording<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.overflowed {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("more than {MOST} bytes of headers between two files"),
            ));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        if !self.paused
            && n > 0
            && let Ok(buffer) = self.inner.fill_buf()
        {
            self.bytes.extend_from_slice(&buffer[..n]);
            self.overflowed = self.bytes.len() > MOST;
        }
        self.inner.consume(n);
    }
}

impl<R: BufRead> Read for Recording<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}
