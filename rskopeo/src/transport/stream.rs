//! A blob on its way: verified as it is read.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};

use anyhow::{Result, bail};

use crate::bounds;
use crate::digest::{Digest, Hasher};
use crate::layer::LayerError;
use crate::manifest::Descriptor;

const BUFFER: usize = 128 * 1024;

/// What came out of a [`BlobStream`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
}

/// The bytes of a blob for a destination. Reading past the promised size, short of it, or to a wrong digest is an error
/// of `read` itself, so that a plain `io::copy` already fails; `finish` tells what was read.
pub struct BlobStream<'a> {
    reader: Box<dyn Read + Send + 'a>,
    hasher: Option<Hasher>,
    expected: Option<Expected>,
    size: u64,
    done: Option<Digest>,
}

/// What a blob must be.
#[derive(Debug)]
struct Expected {
    digest: Digest,
    /// In bytes; None where only the digest is known (schema 1).
    size: Option<u64>,
}

impl<'a> BlobStream<'a> {
    /// Bytes that must be exactly those of `descriptor`.
    pub fn verified(reader: Box<dyn Read + Send + 'a>, descriptor: &Descriptor) -> Self {
        Self::checked(reader, &descriptor.digest, Some(descriptor.size))
    }

    /// Bytes that must have this digest, however many they are.
    pub fn of_digest(reader: Box<dyn Read + Send + 'a>, digest: &Digest) -> Self {
        Self::checked(reader, digest, None)
    }

    fn checked(reader: Box<dyn Read + Send + 'a>, digest: &Digest, size: Option<u64>) -> Self {
        Self {
            reader,
            hasher: Some(digest.hasher()),
            expected: Some(Expected {
                digest: digest.clone(),
                size,
            }),
            size: 0,
            done: None,
        }
    }

    /// Bytes of `descriptor` from a reader that has a verifying stream below it; they are not hashed a second time.
    pub fn relayed(reader: Box<dyn Read + Send + 'a>, descriptor: &Descriptor) -> Self {
        Self {
            reader,
            hasher: None,
            expected: None,
            size: 0,
            done: Some(descriptor.digest.clone()),
        }
    }

    /// Bytes made on the way, from a reader that verifies its own input; their SHA-256 is known at the end.
    pub fn made(reader: Box<dyn Read + Send + 'a>) -> Self {
        Self {
            reader,
            hasher: Some(Hasher::sha256()),
            expected: None,
            size: 0,
            done: None,
        }
    }

    /// Reads on to the end if need be, and tells what was read.
    ///
    /// # Errors
    /// The bytes are not those of the descriptor, or reading failed.
    pub fn finish(mut self) -> Result<Written> {
        io::copy(&mut self, &mut io::sink())?;
        match self.done.take() {
            Some(digest) => Ok(Written {
                digest,
                size: self.size,
            }),
            None => bail!("blob was not read to its end"),
        }
    }

    /// [`finish`](Self::finish) after the bytes were used. A use that failed over their content is blamed on the bytes
    /// if they are not the promised ones.
    pub fn finish_with<T>(self, used: Result<T>) -> Result<(T, Written)> {
        match used {
            Ok(value) => Ok((value, self.finish()?)),
            Err(error) => {
                // If the stream itself failed it has said why.
                if self.hasher.is_some() && is_about_content(&error) {
                    self.finish()?;
                }
                Err(error)
            }
        }
    }

    /// Writes all of the blob to `place`; see [`finish`](Self::finish).
    pub fn write_to(mut self, place: &mut impl Write) -> Result<Written> {
        let mut buffer = vec![0; BUFFER];
        loop {
            match self.read(&mut buffer) {
                Ok(0) => return self.finish(),
                Ok(n) => place.write_all(&buffer[..n])?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// All of a small blob. See [`finish`](Self::finish).
    ///
    /// # Errors
    /// Also when the descriptor promises more than [`bounds::max_manifest`] bytes.
    pub fn into_bytes(mut self) -> Result<Vec<u8>> {
        if let Some(Expected { digest, size }) = &self.expected
            && size.is_none_or(|size| size > bounds::max_manifest())
        {
            return Err(bounds::too_large(format_args!("blob {digest}")));
        }
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        self.finish()?;
        Ok(bytes)
    }

    fn count(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.size += bytes.len() as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        match &self.expected {
            Some(Expected {
                digest,
                size: Some(size),
            }) if self.size > *size => Err(invalid(format!(
                "blob {digest} is larger than the {size} bytes its descriptor says",
            ))),
            _ => Ok(()),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(hasher) = self.hasher.take() else {
            return Ok(());
        };
        let digest = hasher.finish();
        if let Some(expected) = &self.expected {
            if let Some(size) = expected.size
                && self.size != size
            {
                return Err(invalid(format!(
                    "blob {} ended after {} bytes, its descriptor says {size}",
                    expected.digest, self.size
                )));
            }
            if digest != expected.digest {
                return Err(invalid(format!(
                    "Digest did not match, expected {}, got {digest}",
                    expected.digest
                )));
            }
        }
        self.done = Some(digest);
        Ok(())
    }
}

impl Read for BlobStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let n = self.reader.read(buffer)?;
        if n == 0 {
            self.end()?;
        } else {
            self.count(&buffer[..n])?;
        }
        Ok(n)
    }
}

impl fmt::Debug for BlobStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobStream")
            .field("expected", &self.expected)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// Whether bytes were read but not understood.
fn is_about_content(error: &anyhow::Error) -> bool {
    let layer = error.downcast_ref::<LayerError>();
    let decoder = error.downcast_ref::<io::Error>().map(io::Error::kind);
    layer.is_some_and(LayerError::is_about_content)
        || matches!(
            decoder,
            Some(ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof)
        )
}

fn invalid(message: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, message)
}
