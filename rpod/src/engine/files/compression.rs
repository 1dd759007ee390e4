//! Archives as they are compressed: told by their first bytes when they are read.

use std::io::{self, Read, Write};

use anyhow::{Context as _, Result, bail};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    #[default]
    Zstd,
}

impl Compression {
    /// What is written comes out compressed.
    pub fn write(
        self,
        mut out: impl Write,
        write: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<()> {
        let ending = "ending the archive";
        match self {
            Compression::None => write(&mut out)?,
            Compression::Gzip => {
                let level = flate2::Compression::default();
                let mut gzip = flate2::write::GzEncoder::new(&mut out, level);
                write(&mut gzip)?;
                gzip.finish().context(ending)?;
            }
            Compression::Zstd => {
                let mut zstd = zstd::Encoder::new(&mut out, 0).context("preparing to compress")?;
                write(&mut zstd)?;
                zstd.finish().context(ending)?;
            }
        }
        // A buffer that is dropped with something in it does not say that it could not be written.
        out.flush().context(ending)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the file is no tar archive")]
pub struct NoArchive;

/// The archive's own bytes.
///
/// # Errors
/// It is compressed in another way, or no archive.
pub fn read<'a>(mut archive: impl Read + 'a) -> Result<Box<dyn Read + 'a>> {
    let mut head = Vec::with_capacity(512);
    archive
        .by_ref()
        .take(512)
        .read_to_end(&mut head)
        .context("reading the archive")?;
    let rest = io::Cursor::new(head.clone()).chain(archive);
    Ok(match head.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(rest)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            Box::new(zstd::Decoder::new(rest).context("reading the archive")?)
        }
        [0xfd, b'7', b'z', ..] | [b'B', b'Z', b'h', ..] => {
            bail!("the archive is compressed with xz or bzip2: decompress it first")
        }
        head if is_tar(head) => Box::new(rest),
        _ => bail!(NoArchive),
    })
}

fn is_tar(head: &[u8]) -> bool {
    let is_full = head.len() == 512;
    head.get(257..262) == Some(b"ustar")
        || is_full && (head.iter().all(|byte| *byte == 0) || has_checksum(head))
}

/// Before POSIX an archive had nothing else that tells what it is.
fn has_checksum(header: &[u8]) -> bool {
    const FIELD: std::ops::Range<usize> = 148..156;
    let told = std::str::from_utf8(&header[FIELD]).unwrap_or_default();
    let told = u32::from_str_radix(told.trim_matches([' ', '\0']), 8);
    let blank = |(at, byte): (usize, &u8)| match FIELD.contains(&at) {
        true => u32::from(b' '),
        false => u32::from(*byte),
    };
    told == Ok(header.iter().enumerate().map(blank).sum())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_compressed_is_read() {
        let mut plain = vec![0; 3000];
        plain[257..262].copy_from_slice(b"ustar");
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let mut packed = Vec::new();
            let write = |out: &mut dyn Write| Ok(out.write_all(&plain)?);
            compression.write(&mut packed, write).unwrap();
            let mut found = Vec::new();
            read(&packed[..]).unwrap().read_to_end(&mut found).unwrap();
            assert!(found == plain, "{compression:?}");
        }
        let mut header = tar::Header::new_old();
        header.set_size(0);
        header.set_cksum();
        assert!(read(&header.as_bytes()[..]).is_ok());
        header.as_mut_bytes()[0] += 1;
        assert!(read(&header.as_bytes()[..]).is_err());
        assert!(read(&b"BZh91AY"[..]).is_err());
        assert!(read(&b"no archive"[..]).is_err());
    }

    #[test]
    fn an_end_that_cannot_be_written_is_an_error() {
        /// A disk that has no room.
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let write = |out: &mut dyn Write| Ok(out.write_all(b"a")?);
            let written = compression.write(io::BufWriter::new(Full), write);
            assert!(written.is_err(), "{compression:?}");
        }
    }
}
