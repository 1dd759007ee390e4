//! tar-split: what of an archive is not the content of its files, so that the archive can be put together again, byte for byte,
//! from the files that were unpacked from it. containers/storage keeps one beside every layer, gzipped: a line of JSON for each
//! piece, in the archive's order.
//!
//! ```text
//! {"type":2,"payload":"<base64>","position":0}                                headers and padding, as they were
//! {"type":1,"name":"etc/motd","size":12,"payload":"<base64>","position":1}    a file's content, told by its CRC-64
//! ```

mod assembler;
mod crc64;
mod recorder;

use serde::{Deserialize, Serialize};

pub use assembler::Assembler;
pub use recorder::{Facts, Recorder};

const FILE: u8 = 1;
const SEGMENT: u8 = 2;

#[derive(Debug, Default, Deserialize, Serialize)]
struct Piece {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    /// Base64 of a name that is not UTF-8.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name_raw: String,
    /// In bytes.
    #[serde(default, skip_serializing_if = "is_zero")]
    size: u64,
    /// Base64: a segment's bytes, or the sum of a file's, null for a file without any.
    payload: Option<String>,
    position: u64,
}

fn is_zero(size: &u64) -> bool {
    *size == 0
}

#[cfg(test)]
mod tests;
