//! One zstd frame behind the other.

use std::io;

use zstd::stream::raw::{Encoder, InBuffer, Operation, OutBuffer};

const BUFFER: usize = 128 * 1024;

/// Packs what is written, into `packed`, which its owner empties.
pub(super) struct Frames {
    encoder: Encoder<'static>,
    pub(super) packed: Vec<u8>,
    buffer: Vec<u8>,
    /// All bytes that were packed into, in and before `packed`.
    offset: u64,
    /// Whether something was written to the frame.
    open: bool,
}

impl Frames {
    pub(super) fn new(level: i32) -> io::Result<Self> {
        Ok(Self {
            encoder: Encoder::new(level)?,
            packed: Vec::new(),
            buffer: vec![0; BUFFER],
            offset: 0,
            open: false,
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.open = true;
        let mut input = InBuffer::around(bytes);
        while input.pos() < bytes.len() {
            let mut output = OutBuffer::around(&mut self.buffer[..]);
            self.encoder.run(&mut input, &mut output)?;
            let n = output.pos();
            self.take(n);
        }
        Ok(())
    }

    /// Ends the frame; tells where the next one begins.
    pub(super) fn end(&mut self) -> io::Result<u64> {
        if !self.open {
            return Ok(self.offset);
        }
        loop {
            let mut output = OutBuffer::around(&mut self.buffer[..]);
            let left = self.encoder.finish(&mut output, true)?;
            let n = output.pos();
            self.take(n);
            if left == 0 {
                break;
            }
        }
        self.encoder.reinit()?;
        self.open = false;
        Ok(self.offset)
    }

    fn take(&mut self, n: usize) {
        self.packed.extend_from_slice(&self.buffer[..n]);
        self.offset += n as u64;
    }
}
