//! Reading tar archives: ustar, pax and GNU, as they are found in image layers.
//!
//! The header fields are decoded by the `tar` crate. Its entry iterator is not used: it splits pax records at newlines, which breaks
//! binary extended attributes such as `security.capability`, it reads extension headers of any size into memory,
//! and it knows no pax sparse files.

mod header;
mod pax;
mod sparse;
pub(super) mod write;

use std::io::{self, BufRead};

use nix::sys::time::TimeSpec;
use tar::{EntryType, Header};

use super::error::{LayerError, Result};
use super::watch::{Input, Member};
use header::{blank_is_zero, check_sum, header_time, id, invalid, kind};
use pax::Records;
pub(super) use sparse::Segment;

const BLOCK: u64 = 512;
/// Extension headers (long names, pax records) larger than this are refused; Linux's own bounds for names and attributes are lower.
const EXTENSION_LIMIT: u64 = 1 << 20;

/// What an entry makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    HardLink,
    Symlink,
    Char,
    Block,
    Directory,
    Fifo,
}

/// One member of the archive; its content is read from the [`Archive`].
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) path: Vec<u8>,
    /// Target of a hard or symbolic link.
    pub(super) link: Vec<u8>,
    pub(super) kind: Kind,
    /// Permission bits with setuid, setgid and sticky.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mtime: TimeSpec,
    /// Told only by pax records; nothing on disk is given them.
    pub(super) atime: Option<TimeSpec>,
    pub(super) ctime: Option<TimeSpec>,
    /// Major and minor number.
    pub(super) device: (u32, u32),
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Size of the file in bytes, with its holes.
    pub(super) size: u64,
    /// Where the stored content belongs; None when the file has no holes.
    pub(super) sparse: Option<Vec<Segment>>,
}

/// A tar archive read from front to back.
#[derive(Debug)]
pub(super) struct Archive<R> {
    input: R,
    /// Content of the current entry that was not read yet.
    content: u64,
    /// Padding after the content of the current entry.
    padding: u64,
}

/// Extension headers gathered before the header that they describe.
#[derive(Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: Records,
}

impl<R: Input> Archive<R> {
    /// Tells whoever watches the input of a member that was just read, and of its content that was not.
    pub(super) fn announce(&mut self, entry: &Entry, clean: &[u8], is_mark: bool) -> Result<()> {
        let whole = entry.kind == Kind::File && entry.sparse.is_none() && !is_mark;
        self.input.begins(&Member {
            name: &entry.path,
            clean,
            uid: entry.uid,
            gid: entry.gid,
            stored: self.content,
            is_whole_file: whole,
            is_mark,
        })?;
        Ok(())
    }
}

impl<R: BufRead> Archive<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            content: 0,
            padding: 0,
        }
    }

    pub(super) fn input(&mut self) -> &mut R {
        &mut self.input
    }

    /// The next member, or None at the end of the archive.
    pub(super) fn next_entry(&mut self) -> Result<Option<Entry>> {
        let mut extensions = Extensions::default();
        let mut extended = false;
        loop {
            self.skip_content()?;
            let Some(header) = self.header()? else {
                if extended {
                    return Err(LayerError::Archive(
                        "it ends after an extension header".into(),
                    ));
                }
                return Ok(None);
            };
            let size = blank_is_zero(&header.as_old().size, header.entry_size())?;
            match header.entry_type() {
                EntryType::GNULongName => extensions.name = Some(self.long_name(size)?),
                EntryType::GNULongLink => extensions.link = Some(self.long_name(size)?),
                EntryType::XHeader => extensions.pax.parse(&self.extension(size)?)?,
                // Global records say where an archive came from (git's commit); they describe no file.
                EntryType::XGlobalHeader => {
                    self.extension(size)?;
                }
                _ => return self.entry(&header, extensions).map(Some),
            }
            extended = header.entry_type() != EntryType::XGlobalHeader;
        }
    }

    /// Reads what follows the end of the archive, so that whoever hashes the input has seen all of it.
    pub(super) fn drain(mut self) -> Result<()> {
        loop {
            let n = self.input.fill_buf()?.len();
            if n == 0 {
                return Ok(());
            }
            self.input.consume(n);
        }
    }

    /// Bytes of the current member that are stored and not read yet.
    pub(super) fn content_left(&self) -> u64 {
        self.content
    }

    /// Gives the next `limit` or fewer bytes of content to `sink`, without a copy; 0 at its end.
    pub(super) fn content(
        &mut self,
        limit: u64,
        sink: impl FnOnce(&[u8]) -> Result<usize>,
    ) -> Result<usize> {
        let limit = limit.min(self.content);
        if limit == 0 {
            return Ok(0);
        }
        let buffer = self.input.fill_buf()?;
        if buffer.is_empty() {
            return Err(truncated());
        }
        let take = usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let n = sink(&buffer[..take])?;
        self.input.consume(n);
        self.content -= n as u64;
        Ok(n)
    }

    fn skip_content(&mut self) -> Result<()> {
        if self.skip(self.content)? > 0 {
            return Err(truncated());
        }
        // Some archivers (umoci insert) end the archive without the padding of its last member.
        self.skip(self.padding)?;
        (self.content, self.padding) = (0, 0);
        Ok(())
    }

    /// Passes over `left` bytes; returns how many of them the input did not have.
    fn skip(&mut self, mut left: u64) -> Result<u64> {
        while left > 0 {
            let n = (self.input.fill_buf()?.len() as u64).min(left);
            if n == 0 {
                break;
            }
            self.input.consume(n as usize);
            left -= n;
        }
        Ok(left)
    }

    /// The next header, or None at an all-zero block or the end of the input.
    fn header(&mut self) -> Result<Option<Header>> {
        let mut header = Header::new_old();
        if self.input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        self.exactly(header.as_mut_bytes())?;
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        check_sum(&header)?;
        let size = blank_is_zero(&header.as_old().size, header.entry_size())?;
        self.expect(size);
        Ok(Some(header))
    }

    fn expect(&mut self, size: u64) {
        self.content = size;
        self.padding = (BLOCK - size % BLOCK) % BLOCK;
    }

    fn exactly(&mut self, buffer: &mut [u8]) -> Result<()> {
        self.input.read_exact(buffer).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                truncated()
            } else {
                error.into()
            }
        })
    }

    /// The content of an extension header.
    fn extension(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > EXTENSION_LIMIT {
            return Err(LayerError::Archive(format!(
                "an extension header of {size} bytes; at most {EXTENSION_LIMIT} are read"
            )));
        }
        let mut bytes = vec![0; size as usize];
        self.exactly(&mut bytes)?;
        self.content = 0;
        Ok(bytes)
    }

    /// A GNU long name, which ends at a NUL.
    fn long_name(&mut self, size: u64) -> Result<Vec<u8>> {
        let mut name = self.extension(size)?;
        if let Some(end) = name.iter().position(|byte| *byte == 0) {
            name.truncate(end);
        }
        Ok(name)
    }

    fn entry(&mut self, header: &Header, extensions: Extensions) -> Result<Entry> {
        let Extensions { name, link, pax } = extensions;
        let path = (pax.path.or(name)).unwrap_or_else(|| header.path_bytes().into_owned());
        let link = (pax.link.or(link))
            .or_else(|| header.link_name_bytes().map(Into::into))
            .unwrap_or_default();
        let kind = kind(header, &path)?;
        if let Some(size) = pax.size {
            self.expect(size);
        }
        if !matches!(kind, Kind::File) {
            // A size in the header of a link or directory is the file's, not that of content in the archive.
            self.expect(0);
        }
        let (sparse, size) = self.sparse_map(header, &pax.sparse)?;
        let device = (
            header.device_major().ok().flatten().unwrap_or(0),
            header.device_minor().ok().flatten().unwrap_or(0),
        );
        Ok(Entry {
            path: pax.sparse.name.unwrap_or(path),
            link,
            kind,
            mode: blank_is_zero(&header.as_old().mode, header.mode().map(u64::from))? as u32
                & 0o7777,
            uid: id(pax.uid, &header.as_old().uid, header.uid())?,
            gid: id(pax.gid, &header.as_old().gid, header.gid())?,
            mtime: pax.mtime.unwrap_or_else(|| header_time(header)),
            atime: pax.atime,
            ctime: pax.ctime,
            device,
            xattrs: pax.xattrs,
            size,
            sparse,
        })
    }

    /// The map and the full size of a sparse file in any of its four forms.
    fn sparse_map(
        &mut self,
        header: &Header,
        pax: &sparse::PaxSparse,
    ) -> Result<(Option<Vec<Segment>>, u64)> {
        let (map, size) = if header.entry_type() == EntryType::GNUSparse {
            self.gnu_sparse_map(header)?
        } else if pax.is_v1() {
            let map = sparse::read_v1_map(|buffer| self.content_exactly(buffer))?;
            (map, pax.size.unwrap_or(0))
        } else if let Some(map) = pax.map()? {
            (map, pax.size.unwrap_or(0))
        } else {
            return Ok((None, self.content));
        };
        sparse::check(&map, size, self.content)?;
        Ok((Some(map), size))
    }

    fn gnu_sparse_map(&mut self, header: &Header) -> Result<(Vec<Segment>, u64)> {
        let gnu = header
            .as_gnu()
            .ok_or_else(|| LayerError::Archive("a sparse member without a GNU header".into()))?;
        let mut map = Vec::new();
        sparse::push_gnu(&mut map, &gnu.sparse)?;
        let mut more = gnu.is_extended();
        while more {
            let mut extension = tar::GnuExtSparseHeader::new();
            self.exactly(extension.as_mut_bytes())?;
            sparse::push_gnu(&mut map, &extension.sparse)?;
            more = extension.is_extended();
        }
        Ok((map, gnu.real_size().map_err(invalid)?))
    }

    fn content_exactly(&mut self, buffer: &mut [u8]) -> Result<()> {
        if self.content < buffer.len() as u64 {
            return Err(LayerError::Archive("a sparse map is cut off".into()));
        }
        self.exactly(buffer)?;
        self.content -= buffer.len() as u64;
        Ok(())
    }
}

fn truncated() -> LayerError {
    LayerError::Archive("it is cut off".into())
}

#[cfg(test)]
mod tests;
