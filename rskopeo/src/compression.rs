//! Layer compression: told by the first bytes, never by a media type or a file name.

use std::io::{self, BufRead, BufReader, Cursor, Read};

/// How a blob's bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

const BUFFER: usize = 128 * 1024;
/// Packs system trees as small as skopeo's default does, in less time.
const GZIP_LEVEL: u32 = 5;
/// Bytes that tell a compression.
const MAGIC: usize = 4;

impl Compression {
    /// Tells the compression from the first bytes of a blob.
    pub fn detect(head: &[u8]) -> Self {
        if head.starts_with(&[0x1f, 0x8b, 0x08]) {
            Self::Gzip
        } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Self::Zstd
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
            let level = level
                .and_then(|level| u32::try_from(level).ok())
                .unwrap_or(GZIP_LEVEL);
            let level = flate2::Compression::new(level);
            Box::new(flate2::bufread::GzEncoder::new(reader, level))
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
    Ok(match compression {
        Compression::None => Box::new(reader),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(reader)?),
    })
}
