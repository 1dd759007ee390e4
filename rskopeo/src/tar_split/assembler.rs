//! An archive put together again from its record and its files.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};

use super::crc64::Crc64;
use super::{FILE, Piece, SEGMENT};

/// A line longer than this is no piece, in bytes; writers put at most a mebibyte into one.
const LINE_LIMIT: u64 = 16 << 20;

/// Reads as the archive did.
pub struct Assembler {
    record: BufReader<MultiGzDecoder<File>>,
    /// Where files are looked for, the layer's own tree first.
    trees: Vec<OwnedFd>,
    now: Now,
}

enum Now {
    Between,
    Segment(Cursor<Vec<u8>>),
    File(Content),
    Ended,
}

struct Content {
    name: String,
    file: File,
    left: u64,
    crc: Crc64,
    expected: Vec<u8>,
}

impl Assembler {
    /// `record` is gzipped.
    pub fn new(record: File, trees: Vec<OwnedFd>) -> Self {
        Self {
            record: BufReader::new(MultiGzDecoder::new(record)),
            trees,
            now: Now::Between,
        }
    }

    fn next(&mut self) -> io::Result<Now> {
        let mut line = Vec::new();
        let read = (&mut self.record)
            .take(LINE_LIMIT)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(Now::Ended);
        }
        if line.len() as u64 == LINE_LIMIT {
            return Err(invalid(
                "a piece of the layer's record is too long".to_owned(),
            ));
        }
        let piece: Piece = serde_json::from_slice(&line)?;
        let payload = STANDARD
            .decode(piece.payload.as_deref().unwrap_or_default())
            .map_err(|error| invalid(format!("the layer's record: {error}")))?;
        match piece.kind {
            SEGMENT => Ok(Now::Segment(Cursor::new(payload))),
            FILE if piece.size == 0 => Ok(Now::Between),
            FILE => {
                let raw = STANDARD
                    .decode(&piece.name_raw)
                    .map_err(|error| invalid(format!("the layer's record: {error}")))?;
                let name = if raw.is_empty() {
                    piece.name.as_bytes()
                } else {
                    &raw
                };
                self.content(name, piece.size, payload).map(Now::File)
            }
            other => Err(invalid(format!(
                "the layer's record has a piece of type {other}"
            ))),
        }
    }

    fn content(&self, name: &[u8], size: u64, expected: Vec<u8>) -> io::Result<Content> {
        let shown = String::from_utf8_lossy(name).into_owned();
        let how = OpenHow::new()
            .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        let mut opened = Err(nix::errno::Errno::ENOENT);
        for tree in &self.trees {
            opened = openat2(tree, OsStr::from_bytes(name), how);
            if opened.is_ok() {
                break;
            }
        }
        let told = |error: io::Error| {
            io::Error::new(error.kind(), format!("open {shown} in the layer: {error}"))
        };
        let file = File::from(opened.map_err(io::Error::from).map_err(told)?);
        let meta = file.metadata()?;
        if !meta.is_file() || meta.len() != size {
            return Err(changed(&shown));
        }
        Ok(Content {
            name: shown,
            file,
            left: size,
            crc: Crc64::new(),
            expected,
        })
    }
}

impl Read for Assembler {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let read = match &mut self.now {
                Now::Ended => return Ok(0),
                Now::Between => 0,
                Now::Segment(bytes) => bytes.read(buffer)?,
                Now::File(content) => content.read(buffer)?,
            };
            if read > 0 {
                return Ok(read);
            }
            self.now = self.next()?;
        }
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        if most == 0 {
            return match self.crc.sum()[..] == self.expected[..] {
                true => Ok(0),
                false => Err(changed(&self.name)),
            };
        }
        let read = self.file.read(&mut buffer[..most])?;
        if read == 0 {
            return Err(changed(&self.name));
        }
        self.crc.update(&buffer[..read]);
        self.left -= read as u64;
        Ok(read)
    }
}

fn changed(name: &str) -> io::Error {
    invalid(format!(
        "{name} is not what the layer brought: somebody has changed it in the store"
    ))
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
