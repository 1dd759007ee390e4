//! Layer compression: told by the first bytes, never by a media type or a file name.

mod gzip;

use std::io::{self, BufRead, BufReader, Cursor, Read};

use gzip::GzipEncoder;
use lzma_rust2::XzReader;

/// How a blob's bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
    /// Zstd with a table of contents ([`crate::layer::chunked`]); its bytes are told apart by nothing but that.
    ZstdChunked,
    /// Only ever read.
    Bzip2,
    /// Only ever read.
    Xz,
}

const BUFFER: usize = 128 * 1024;
/// Packs system trees smaller than skopeo's default does, in half the time.
const GZIP_LEVEL: i32 = 2;
/// Bytes that tell a compression.
const MAGIC: usize = 6;
/// How much memory a decoder may take, in KiB: what `xz -9` needs.
const XZ_MEMORY: u32 = 70 << 10;

impl Compression {
    /// Tells the compression from the first bytes of a blob.
    pub fn detect(head: &[u8]) -> Self {
        if head.starts_with(&[0x1f, 0x8b, 0x08]) {
            Self::Gzip
        } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Self::Zstd
        } else if head.starts_with(b"BZh") {
            Self::Bzip2
        } else if head.starts_with(b"\xfd7zXZ\0") {
            Self::Xz
        } else {
            Self::None
        }
    }
}

/// Reads enough of `reader` to tell its compression and gives both back; no byte is lost.
pub fn peek<R: Read>(mut reader: R) -> io::Result<(Compression, impl BufRead + use<R>)> {
    // A pipe or a socket may give less at once than there is to look at.
    let mut head = Vec::with_capacity(MAGIC);
    reader.by_ref().take(MAGIC as u64).read_to_end(&mut head)?;
    let compression = Compression::detect(&head);
    let reader = BufReader::with_capacity(BUFFER, Cursor::new(head).chain(reader));
    Ok((compression, reader))
}

/// Packs plain bytes; `level` is the format's own, its default when None.
pub fn compress<'a, R: BufRead + Send + 'a>(
    reader: R,
    to: Compression,
    level: Option<i32>,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    Ok(match to {
        Compression::None => Box::new(reader),
        Compression::Gzip => {
            // -1 is zlib's word for its default.
            let level = level.filter(|level| *level >= 0).unwrap_or(GZIP_LEVEL);
            Box::new(GzipEncoder::new(reader, level)?)
        }
        Compression::Bzip2 | Compression::Xz => {
            return Err(io::Error::other("bzip2 and xz are read and not written"));
        }
        Compression::ZstdChunked => {
            return Err(io::Error::other("zstd:chunked is of archives alone"));
        }
        Compression::Zstd => Box::new(zstd::stream::read::Encoder::with_buffer(
            reader,
            level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL),
        )?),
    })
}

/// The plain bytes of a blob of any supported compression. Multi-member gzip and multi-frame zstd are read to their end.
pub fn decompress<'a, R: Read + Send + 'a>(reader: R) -> io::Result<Box<dyn Read + Send + 'a>> {
    let (compression, reader) = peek(reader)?;
    unpack(compression, reader)
}

/// [`decompress`], of a known compression.
pub fn unpack<'a, R: BufRead + Send + 'a>(
    compression: Compression,
    reader: R,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    Ok(match compression {
        Compression::None => Box::new(reader),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
        Compression::Zstd | Compression::ZstdChunked => {
            Box::new(zstd::stream::read::Decoder::with_buffer(reader)?)
        }
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(reader)),
        Compression::Xz => Box::new(XzReader::new_mem_limit(reader, true, XZ_MEMORY)),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn plain(packed: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        decompress(packed).unwrap().read_to_end(&mut plain).unwrap();
        plain
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        for size in [0, 1, 1000, 1 << 20, (1 << 20) + 1, 5_000_000] {
            let bytes: Vec<u8> = (0..size).map(|n: u32| (n / 7 % 251) as u8).collect();
            for to in [Compression::Gzip, Compression::Zstd] {
                let mut packed = Vec::new();
                let mut reader = compress(&bytes[..], to, None).unwrap();
                reader.read_to_end(&mut packed).unwrap();
                assert_eq!(Compression::detect(&packed), to);
                assert!(plain(&packed) == bytes, "{to:?} of {size} bytes");
            }
        }
    }

    #[test]
    fn other_tools_formats_are_read() {
        // printf hello | bzip2, and | xz
        let bytes = |hex: &str| -> Vec<u8> {
            let pair = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            (0..hex.len()).step_by(2).map(pair).collect()
        };
        let bzip2 = bytes(
            "425a68393141592653591931653d00000081000244a000219a68334d07338bb9229c28480c98b29e80",
        );
        assert_eq!(Compression::detect(&bzip2), Compression::Bzip2);
        assert_eq!(plain(&bzip2), b"hello");
        let xz = bytes(concat!(
            "fd377a585a000004e6d6b4460200210116000000742fe5a301000468656c6c6f00000000b137b9dbe5da1e9b00011d",
            "05b82d80af1fb6f37d010000000004595a"
        ));
        assert_eq!(Compression::detect(&xz), Compression::Xz);
        assert_eq!(plain(&xz), b"hello");
    }
}
