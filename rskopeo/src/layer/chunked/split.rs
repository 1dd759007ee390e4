//! What an archive is put together from again: its headers and padding as they were, and the names of its files. One JSON text a
//! line, as the tar-split tool of that name writes them.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::pieces::Content;

const FILE: u8 = 1;
const SEGMENT: u8 = 2;

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    size: u64,
    /// The bytes of a segment; the checksum of a file.
    payload: Option<String>,
    position: u64,
}

fn is_zero(size: &u64) -> bool {
    *size == 0
}

pub(super) struct TarSplit {
    packer: zstd::stream::write::Encoder<'static, Vec<u8>>,
    lines: u64,
    plain: u64,
}

impl TarSplit {
    pub(super) fn new(level: i32) -> io::Result<Self> {
        Ok(Self {
            packer: zstd::stream::write::Encoder::new(Vec::new(), level)?,
            lines: 0,
            plain: 0,
        })
    }

    /// Bytes that are no file's.
    pub(super) fn between(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.line(SEGMENT, "", 0, Some(bytes))
    }

    /// A member, also one without content.
    pub(super) fn file(&mut self, name: &[u8], content: &Content) -> io::Result<()> {
        // The index holds no names that are not text.
        let name = String::from_utf8_lossy(name);
        let crc = (content.size > 0).then_some(&content.crc[..]);
        self.line(FILE, &name, content.size, crc)
    }

    fn line(&mut self, kind: u8, name: &str, size: u64, payload: Option<&[u8]>) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Line {
            kind,
            name,
            size,
            payload: payload.map(|bytes| STANDARD.encode(bytes)),
            position: self.lines,
        })?;
        line.push(b'\n');
        self.lines += 1;
        self.plain += line.len() as u64;
        self.packer.write_all(&line)
    }

    /// The packed text, and its size when it was plain.
    pub(super) fn finish(self) -> io::Result<(Vec<u8>, u64)> {
        Ok((self.packer.finish()?, self.plain))
    }
}

/// CRC-64 of ISO 3309.
#[derive(Debug)]
pub(super) struct Crc64(u64);

impl Default for Crc64 {
    fn default() -> Self {
        Self(!0)
    }
}

impl Crc64 {
    const TABLE: [u64; 256] = {
        let mut table = [0; 256];
        let mut n = 0;
        while n < 256 {
            let mut crc = n as u64;
            let mut bit = 0;
            while bit < 8 {
                crc = (crc >> 1) ^ (0xd800_0000_0000_0000 * (crc & 1));
                bit += 1;
            }
            table[n] = crc;
            n += 1;
        }
        table
    };

    pub(super) fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = Self::TABLE[usize::from(self.0 as u8 ^ byte)] ^ (self.0 >> 8);
        }
    }

    pub(super) fn finish(&self) -> [u8; 8] {
        (!self.0).to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_of_iso() {
        let mut crc = Crc64::default();
        crc.update(b"123456789");
        assert_eq!(u64::from_be_bytes(crc.finish()), 0xb909_56c7_75a4_1001);
    }
}
