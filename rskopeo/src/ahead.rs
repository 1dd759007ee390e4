//! Reading ahead: another thread reads, so that what makes bytes and what uses them go on at once.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

const CHUNK: usize = 256 * 1024;
/// Chunks that may wait to be used.
const AHEAD: usize = 8;

/// The bytes of a reader, by chunks.
#[derive(Debug)]
pub struct Ahead {
    current: Vec<u8>,
    position: usize,
    more: Option<Receiver<io::Result<Vec<u8>>>>,
}

/// Runs `using` with the bytes of `reader`. No thread is made for so few that they are one chunk.
/// `using` may leave bytes unread.
///
/// # Errors
/// Reading the first chunk failed; later ones' errors are told by [`Ahead`].
pub fn read<T>(mut reader: impl Read + Send, using: impl FnOnce(Ahead) -> T) -> io::Result<T> {
    let (first, ended) = chunk(&mut reader)?;
    let ahead = |more| Ahead {
        current: first,
        position: 0,
        more,
    };
    if ended {
        return Ok(using(ahead(None)));
    }
    Ok(thread::scope(|scope| {
        let (sender, receiver) = sync_channel(AHEAD);
        scope.spawn(move || pump(reader, &sender));
        using(ahead(Some(receiver)))
    }))
}

/// Reads until the end, an error, or the other side's going away.
fn pump(mut reader: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let (message, last) = match chunk(&mut reader) {
            Ok((bytes, ended)) => (Ok(bytes), ended),
            Err(error) => (Err(error), true),
        };
        if sender.send(message).is_err() || last {
            return;
        }
    }
}

/// One chunk, full unless the input has ended.
fn chunk(reader: &mut impl Read) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::with_capacity(CHUNK);
    let n = reader.by_ref().take(CHUNK as u64).read_to_end(&mut bytes)?;
    Ok((bytes, n < CHUNK))
}

impl Ahead {
    /// The first chunk, of which nothing is used yet.
    pub fn first(&self) -> &[u8] {
        &self.current
    }

    /// What is left of the chunk at hand.
    pub fn left(&self) -> &[u8] {
        &self.current[self.position..]
    }

    /// Goes on to the next chunk once nothing is left; None at the end.
    pub fn next_chunk(&mut self) -> io::Result<Option<&[u8]>> {
        // The sender goes away after the last chunk.
        let Some(Ok(next)) = self.more.as_ref().map(Receiver::recv) else {
            return Ok(None);
        };
        self.current = next?;
        self.position = 0;
        Ok(Some(&self.current))
    }
}

impl BufRead for Ahead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.left().is_empty() && self.next_chunk()?.is_some() {}
        Ok(self.left())
    }

    fn consume(&mut self, n: usize) {
        self.position += n;
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.fill_buf()?;
        let n = bytes.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn all_bytes_come_in_order() {
        for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 20 * CHUNK + 7] {
            let bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            let mut got = Vec::new();
            read(&bytes[..], |mut ahead| ahead.read_to_end(&mut got))
                .unwrap()
                .unwrap();
            assert!(got == bytes, "{size} bytes");
        }
    }

    /// The thread does not wait for somebody who has gone.
    #[test]
    fn the_rest_may_stay_unread() {
        let mut byte = [0];
        read(io::repeat(7), |mut ahead| ahead.read_exact(&mut byte))
            .unwrap()
            .unwrap();
        assert_eq!(byte, [7]);
    }

    #[test]
    fn an_error_comes_after_the_bytes_before_it() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("cut"))
            }
        }
        let reader = io::repeat(1).take(CHUNK as u64).chain(Broken);
        let mut got = Vec::new();
        let error = read(reader, |mut ahead| ahead.read_to_end(&mut got)).unwrap();
        assert_eq!(error.unwrap_err().to_string(), "cut");
        assert_eq!(got.len(), CHUNK);
    }
}
