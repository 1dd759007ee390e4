//! Writing a tar file in one pass, of members whose size and name are known only at their end.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use tar::{EntryType, Header};

use super::output::Output;
use crate::transport::{BlobStream, Written};

const BLOCK: u64 = 512;

/// An archive in the making; without [`finish`](Self::finish) nothing is left of it.
/// Members belong to root, may be read by all and are of the epoch, so that the same image always gives the same bytes.
#[derive(Debug)]
pub struct TarWriter {
    output: Output,
    /// Where the next member begins.
    end: u64,
}

impl TarWriter {
    /// See [`Output`] for `path`; `tmpdir` is where the archive waits if it cannot wait beside its place.
    pub fn create(path: &Path, tmpdir: Option<&Path>) -> Result<Self> {
        Ok(Self {
            output: Output::create(path, tmpdir)?,
            end: 0,
        })
    }

    /// Over a file that somebody else reads when it is finished.
    pub fn over(file: File) -> Self {
        Self {
            output: Output::Given(file),
            end: 0,
        }
    }

    /// Appends a blob. `name` gives it a name when its digest is known, or None if the archive has it already. Where the name is
    /// `told` before, it may be longer than a plain header's.
    pub fn blob(
        &mut self,
        stream: BlobStream<'_>,
        told: Option<&str>,
        name: impl FnOnce(&Written) -> Option<String>,
    ) -> Result<Written> {
        let start = self.end;
        let room = match told {
            Some(name) => head(name, EntryType::Regular, 0)?.len() as u64,
            None => BLOCK,
        };
        let content = start + room;
        let file = self.output.file();
        file.seek(SeekFrom::Start(content))?;
        let written = stream.write_to(file)?;
        if let Some(name) = name(&written) {
            let head = head(&name, EntryType::Regular, written.size)?;
            if head.len() as u64 != room {
                bail!("naming {name:?} in an archive: the name was not told before");
            }
            file.write_all_at(&head, start)?;
            self.end = content + written.size.next_multiple_of(BLOCK);
            // The padding; also cuts off what an unnamed blob left here before.
            file.set_len(content + written.size)?;
            file.set_len(self.end)?;
        }
        Ok(written)
    }

    pub fn bytes(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let header = header(name, EntryType::Regular, bytes.len() as u64)?;
        self.append(&header, bytes)
    }

    pub fn symlink(&mut self, name: &str, target: &str) -> Result<()> {
        let mut header = header(name, EntryType::Symlink, 0)?;
        header
            .set_link_name(target)
            .with_context(|| format!("naming {target:?} in an archive"))?;
        header.set_mode(0o777);
        header.set_cksum();
        self.append(&header, b"")
    }

    pub fn directory(&mut self, name: &str) -> Result<()> {
        let mut header = header(name, EntryType::Directory, 0)?;
        header.set_mode(0o755);
        header.set_cksum();
        self.append(&header, b"")
    }

    fn append(&mut self, header: &Header, content: &[u8]) -> Result<()> {
        let start = self.end;
        let size = content.len() as u64;
        self.end = start + BLOCK + size.next_multiple_of(BLOCK);
        let file = self.output.file();
        file.set_len(start)?;
        file.write_all_at(header.as_bytes(), start)?;
        file.write_all_at(content, start + BLOCK)?;
        file.set_len(self.end)?;
        Ok(())
    }

    /// Ends the archive and puts it in its place.
    pub fn finish(mut self) -> Result<()> {
        let end = self.end;
        let file = self.output.file();
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        file.write_all(&[0; 2 * BLOCK as usize])?;
        self.output.commit()
    }
}

/// The header, after one of pax (pax(1) "pax Interchange Format") where it has no room for the name.
fn head(name: &str, kind: EntryType, size: u64) -> Result<Vec<u8>> {
    if Header::new_ustar().set_path(name).is_ok() {
        return Ok(header(name, kind, size)?.as_bytes().to_vec());
    }
    let mut record = pax_record("path", name).into_bytes();
    let told = header("PaxHeaders/name", EntryType::XHeader, record.len() as u64)?;
    record.resize(record.len().next_multiple_of(BLOCK as usize), 0);
    let short = header("name", kind, size)?;
    Ok([told.as_bytes().as_slice(), &record, short.as_bytes()].concat())
}

/// `25 path=blobs/sha256/0123\n`: the number counts itself, too.
fn pax_record(keyword: &str, value: &str) -> String {
    let rest = format!(" {keyword}={value}\n");
    let mut size = rest.len();
    while size != size.to_string().len() + rest.len() {
        size = size.to_string().len() + rest.len();
    }
    format!("{size}{rest}")
}

fn header(name: &str, kind: EntryType, size: u64) -> Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(name).with_context(|| {
        format!("naming {name:?} in an archive (oci: and dir: have room for longer names)")
    })?;
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o444);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_itself() {
        assert_eq!(pax_record("path", "abc"), "12 path=abc\n");
        assert_eq!(pax_record("path", &"x".repeat(89))[..9], *"98 path=x");
        assert_eq!(pax_record("path", &"x".repeat(92))[..10], *"102 path=x");
    }
}
