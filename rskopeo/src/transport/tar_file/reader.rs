//! Reading members of a tar file where they lie.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::bounds;
use anyhow::{Context, Result, bail};

use super::output::spool;
use crate::compression::{self, Compression};

/// Archives of images have a few members a layer; more than this is an attack on memory.
const MAX_MEMBERS: usize = 1 << 20;
const MAX_LINKS: usize = 8;

/// A tar file whose members were found once.
#[derive(Debug)]
pub struct TarReader {
    file: Arc<File>,
    members: HashMap<String, Member>,
}

#[derive(Clone, Debug)]
enum Member {
    File {
        offset: u64,
        size: u64,
    },
    /// Another member's name.
    Link(String),
}

impl TarReader {
    /// A compressed archive, or one that comes through a pipe, is first unpacked to a file without a name in `tmpdir`.
    pub fn open(path: &Path, tmpdir: Option<&Path>) -> Result<Self> {
        let opened = || format!("opening file {0:?}: open {0}", path.display());
        let file = File::open(path).with_context(opened)?;
        let file = in_place(file, tmpdir).with_context(opened)?;
        let members = find_members(&file)
            .with_context(|| format!("reading the members of {}", path.display()))?;
        Ok(Self {
            file: Arc::new(file),
            members,
        })
    }

    /// An archive that is not compressed.
    pub fn of(file: File) -> Result<Self> {
        let members = find_members(&file).context("reading the archive's members")?;
        Ok(Self {
            file: Arc::new(file),
            members,
        })
    }

    /// The content of `name`; symbolic and hard links to other members are followed.
    pub fn member(&self, name: &str) -> Result<Section> {
        let mut at = clean(name);
        for _ in 0..MAX_LINKS {
            match self.members.get(&at) {
                Some(Member::File { offset, size }) => {
                    return Ok(Section {
                        file: Arc::clone(&self.file),
                        offset: *offset,
                        left: *size,
                    });
                }
                Some(Member::Link(target)) => at = target.clone(),
                None => bail!("loading tar component {name}: file does not exist"),
            }
        }
        bail!("loading tar component {name}: too many links");
    }

    /// The whole content of a member of at most [`bounds::max_manifest`] bytes.
    pub fn small(&self, name: &str) -> Result<Vec<u8>> {
        let mut section = self.member(name)?;
        if section.len() > bounds::max_manifest() {
            return Err(bounds::too_large(format_args!("{name} in the archive")));
        }
        let mut bytes = Vec::new();
        section
            .read_to_end(&mut bytes)
            .with_context(|| format!("reading {name} in the archive"))?;
        Ok(bytes)
    }
}

fn in_place(mut file: File, tmpdir: Option<&Path>) -> Result<File> {
    let is_file = file.metadata()?.is_file();
    if is_file {
        let (compression, _) = compression::peek(&mut file)?;
        file.seek(SeekFrom::Start(0))?;
        if compression == Compression::None {
            return Ok(file);
        }
    }
    let mut spooled = spool(tmpdir)?;
    let mut plain = compression::decompress(file)?;
    io::copy(&mut plain, &mut spooled).context("unpacking the archive")?;
    spooled.seek(SeekFrom::Start(0))?;
    Ok(spooled)
}

/// Of several members of one name the first counts, as for skopeo.
fn find_members(file: &File) -> Result<HashMap<String, Member>> {
    let mut members = HashMap::new();
    let mut archive = tar::Archive::new(file);
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        let name = clean(&String::from_utf8_lossy(&entry.path_bytes()));
        let target = entry.link_name_bytes();
        let target = target.as_deref().map(String::from_utf8_lossy);
        let member = match (entry.header().entry_type(), target) {
            (kind, _) if kind.is_file() || kind.is_contiguous() => Member::File {
                offset: entry.raw_file_position(),
                size: entry.size(),
            },
            (kind, Some(target)) if kind.is_symlink() => {
                let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory);
                Member::Link(clean(&format!("{directory}/{target}")))
            }
            (kind, Some(target)) if kind.is_hard_link() => Member::Link(clean(&target)),
            _ => continue,
        };
        if members.len() == MAX_MEMBERS {
            bail!("more than {MAX_MEMBERS} members");
        }
        members.entry(name).or_insert(member);
    }
    Ok(members)
}

/// Without `.`, `..` and doubled slashes. Names are only looked up among members, never on the disk.
fn clean(name: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The content of one member. Several may be read at once.
#[derive(Clone, Debug)]
pub struct Section {
    file: Arc<File>,
    offset: u64,
    left: u64,
}

impl Section {
    /// All of a file of `size` bytes.
    pub fn whole(file: File, size: u64) -> Self {
        Self {
            file: Arc::new(file),
            offset: 0,
            left: size,
        }
    }

    /// Bytes not yet read.
    pub fn len(&self) -> u64 {
        self.left
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if wanted == 0 {
            return Ok(0);
        }
        let n = self.file.read_at(&mut buffer[..wanted], self.offset)?;
        if n == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the archive ends within a member",
            ));
        }
        self.offset += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::transport::tar_file::TarWriter;
    use proptest::prelude::*;
    use std::fs;
    use std::io::Write;

    fn sample(directory: &Path) -> std::path::PathBuf {
        let path = directory.join("x.tar");
        let mut writer = TarWriter::create(&path, None).unwrap();
        writer.bytes("a.tar", &[7; 1000]).unwrap();
        writer.symlink("dir/layer.tar", "../a.tar").unwrap();
        writer.symlink("loop", "loop").unwrap();
        writer.bytes("a.tar", b"second").unwrap();
        assert!(!path.exists());
        writer.finish().unwrap();
        path
    }

    #[test]
    fn what_was_written_is_read_through_links() {
        let directory = tempfile::tempdir().unwrap();
        let reader = TarReader::open(&sample(directory.path()), None).unwrap();
        assert_eq!(reader.small("a.tar").unwrap(), [7; 1000]);
        assert_eq!(reader.small("./dir/layer.tar").unwrap(), [7; 1000]);
        let refused = |name| reader.small(name).unwrap_err().to_string();
        assert!(refused("loop").contains("too many links"));
        assert!(refused("../x.tar").contains("does not exist"));
    }

    #[test]
    fn compressed_archives_are_unpacked_first() {
        let directory = tempfile::tempdir().unwrap();
        let plain = fs::read(sample(directory.path())).unwrap();
        let path = directory.path().join("x.tar.gz");
        let file = File::create(&path).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(file, Default::default());
        encoder.write_all(&plain).unwrap();
        encoder.finish().unwrap();
        let reader = TarReader::open(&path, Some(directory.path())).unwrap();
        assert_eq!(reader.small("a.tar").unwrap(), [7; 1000]);
    }

    #[test]
    fn a_truncated_archive_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = sample(directory.path());
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(700)
            .unwrap();
        let whole = TarReader::open(&path, None).and_then(|reader| reader.small("a.tar"));
        assert!(whole.is_err());
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..4096), kind in any::<u8>(), size in any::<u64>()) {
            if let Some(block) = bytes.first_chunk_mut::<512>() {
                let header = tar::Header::from_byte_slice(block);
                let mut header = header.clone();
                header.set_entry_type(tar::EntryType::new(kind));
                header.set_size(size);
                header.set_cksum();
                block.copy_from_slice(header.as_bytes());
            }
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            file.seek(SeekFrom::Start(0)).unwrap();
            if let Ok(members) = find_members(&file) {
                let reader = TarReader { file: Arc::new(file), members };
                for name in reader.members.keys() {
                    reader.small(name).ok();
                }
            }
        }
    }
}
