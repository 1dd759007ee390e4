//! Making the record of an archive while it is unpacked.

use std::collections::{BTreeSet, HashSet};
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::crc64::Crc64;
use super::{FILE, Piece, SEGMENT};
use crate::layer::{Member, Watcher};

/// Bytes of a segment, at most, so that neither side needs more memory at once.
const SEGMENT_LIMIT: usize = 256 << 10;

/// Writes the record to `out`.
pub struct Recorder<W: Write> {
    out: GzEncoder<W>,
    /// Bytes that are not in a piece yet.
    raw: Vec<u8>,
    file: Option<FileContent>,
    position: u64,
    /// Clean names of all members so far.
    names: HashSet<Vec<u8>>,
    facts: Facts,
    /// What went wrong where nothing could be told of it.
    failed: Option<io::Error>,
}

/// A file whose content is passing.
struct FileContent {
    name: Vec<u8>,
    size: u64,
    left: u64,
    crc: Crc64,
}

/// What was seen of the archive.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The whole archive's, in bytes.
    pub size: u64,
    /// Owners of its files.
    pub uids: BTreeSet<u32>,
    pub gids: BTreeSet<u32>,
    /// Whether it has an entry for the root of the tree.
    pub has_root: bool,
}

impl<W: Write> Recorder<W> {
    pub fn new(out: W) -> Self {
        Self {
            out: GzEncoder::new(out, Compression::fast()),
            raw: Vec::new(),
            file: None,
            position: 0,
            names: HashSet::new(),
            facts: Facts::default(),
            failed: None,
        }
    }

    /// Ends the record, when all of the archive has passed.
    pub fn finish(mut self) -> io::Result<(Facts, W)> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.segment()?;
        Ok((self.facts, self.out.finish()?))
    }

    fn pass(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.facts.size += bytes.len() as u64;
        if let Some(file) = &mut self.file {
            let left = usize::try_from(file.left).unwrap_or(usize::MAX);
            let (content, rest) = bytes.split_at(left.min(bytes.len()));
            file.crc.update(content);
            file.left -= content.len() as u64;
            bytes = rest;
            if file.left == 0
                && let Some(file) = self.file.take()
            {
                let sum = STANDARD.encode(file.crc.sum());
                self.entry(file.name, file.size, Some(sum))?;
            }
        }
        while !bytes.is_empty() {
            let room = SEGMENT_LIMIT - self.raw.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.raw.extend_from_slice(now);
            bytes = later;
            if self.raw.len() == SEGMENT_LIMIT {
                self.segment()?;
            }
        }
        Ok(())
    }

    fn segment(&mut self) -> io::Result<()> {
        if self.raw.is_empty() {
            return Ok(());
        }
        let payload = STANDARD.encode(&self.raw);
        self.raw.clear();
        self.piece(Piece {
            kind: SEGMENT,
            payload: Some(payload),
            ..Piece::default()
        })
    }

    fn entry(&mut self, name: Vec<u8>, size: u64, sum: Option<String>) -> io::Result<()> {
        let (name, name_raw) = match String::from_utf8(name) {
            Ok(name) => (name, String::new()),
            Err(error) => (String::new(), STANDARD.encode(error.as_bytes())),
        };
        self.piece(Piece {
            kind: FILE,
            name,
            name_raw,
            size,
            payload: sum,
            ..Piece::default()
        })
    }

    fn piece(&mut self, mut piece: Piece) -> io::Result<()> {
        piece.position = self.position;
        self.position += 1;
        serde_json::to_writer(&mut self.out, &piece)?;
        self.out.write_all(b"\n")
    }
}

impl<W: Write + Send> Watcher for Recorder<W> {
    fn passed(&mut self, bytes: &[u8]) {
        if self.failed.is_none()
            && let Err(error) = self.pass(bytes)
        {
            self.failed = Some(error);
        }
    }

    fn begins(&mut self, member: &Member<'_>) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.segment()?;
        let facts = &mut self.facts;
        facts.has_root |= member.clean.is_empty();
        if !member.is_mark {
            facts.uids.insert(member.uid);
            facts.gids.insert(member.gid);
        }
        let is_new = self.names.insert(member.clean.to_vec());
        let name = member.name.to_vec();
        match (member.is_whole_file && member.stored > 0, is_new) {
            (true, true) => {
                self.file = Some(FileContent {
                    name,
                    size: member.stored,
                    left: member.stored,
                    crc: Crc64::new(),
                });
                Ok(())
            }
            // The second takes the first one's place on the disk, and the record could not tell them apart.
            (true, false) => Err(io::Error::other(format!(
                "the layer has two files of the name {:?}, which podman's storage cannot hold",
                String::from_utf8_lossy(&name)
            ))),
            (false, true) => self.entry(name, 0, None),
            // The reader wants each name once; what is nowhere but in the segments needs none.
            (false, false) => Ok(()),
        }
    }
}
