//! Sparse files: the old GNU map in the header, and pax maps 0.0, 0.1 and 1.0 (GNU tar manual, "Storing Sparse Files").

use tar::GnuSparseHeader;

use super::pax::number;
use crate::layer::error::{LayerError, Result};

/// A file may not have more pieces than this: the map is held in memory.
const SEGMENT_LIMIT: usize = 1 << 18;

/// A piece of content at its offset in the file, both in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// The `GNU.sparse.*` records.
#[derive(Debug, Default)]
pub(super) struct PaxSparse {
    pub(super) name: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    major: Option<u64>,
    minor: Option<u64>,
    /// Offsets and lengths in turn.
    numbers: Option<Vec<u64>>,
}

impl PaxSparse {
    pub(super) fn set(&mut self, field: &[u8], value: &[u8]) -> Result<()> {
        match field {
            b"name" => self.name = Some(value.to_vec()),
            b"size" | b"realsize" => self.size = Some(number(value)?),
            b"major" => self.major = Some(number(value)?),
            b"minor" => self.minor = Some(number(value)?),
            b"offset" | b"numbytes" => {
                self.numbers.get_or_insert_default().push(number(value)?);
            }
            b"map" => {
                let fields = value.split(|byte| *byte == b',');
                self.numbers = Some(
                    fields
                        .filter(|f| !f.is_empty())
                        .map(number)
                        .collect::<Result<_>>()?,
                );
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the map stands in front of the content.
    pub(super) fn is_v1(&self) -> bool {
        (self.major, self.minor) == (Some(1), Some(0))
    }

    /// The map that the records themselves hold.
    pub(super) fn map(&self) -> Result<Option<Vec<Segment>>> {
        let Some(numbers) = &self.numbers else {
            return Ok(None);
        };
        let (pairs, rest) = numbers.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(malformed());
        }
        Ok(Some(
            pairs
                .iter()
                .map(|[offset, length]| Segment {
                    offset: *offset,
                    length: *length,
                })
                .collect(),
        ))
    }
}

/// Reads a version 1.0 map: decimal numbers, a line each, in whole blocks.
pub(super) fn read_v1_map(mut read: impl FnMut(&mut [u8]) -> Result<()>) -> Result<Vec<Segment>> {
    let mut block = [0; 512];
    let mut position = block.len();
    let mut next = || -> Result<u64> {
        let mut digits = Vec::new();
        loop {
            if position == block.len() {
                read(&mut block)?;
                position = 0;
            }
            let byte = block[position];
            position += 1;
            if byte == b'\n' {
                return number(&digits);
            }
            digits.push(byte);
            if digits.len() > 20 {
                return Err(malformed());
            }
        }
    };
    let count = usize::try_from(next()?).map_err(|_| malformed())?;
    if count > SEGMENT_LIMIT {
        return Err(too_many());
    }
    (0..count)
        .map(|_| {
            Ok(Segment {
                offset: next()?,
                length: next()?,
            })
        })
        .collect()
}

/// Adds the used slots of an old GNU header or of its extension.
pub(super) fn push_gnu(map: &mut Vec<Segment>, slots: &[GnuSparseHeader]) -> Result<()> {
    for slot in slots.iter().filter(|slot| !slot.is_empty()) {
        if map.len() >= SEGMENT_LIMIT {
            return Err(too_many());
        }
        map.push(Segment {
            offset: slot.offset().map_err(|_| malformed())?,
            length: slot.length().map_err(|_| malformed())?,
        });
    }
    Ok(())
}

/// Pieces must be in order, not overlap, lie within the file, and be exactly the content that is stored.
pub(super) fn check(map: &[Segment], size: u64, stored: u64) -> Result<()> {
    let mut end = 0;
    let mut total = 0u64;
    for segment in map {
        if segment.offset < end {
            return Err(malformed());
        }
        end = segment
            .offset
            .checked_add(segment.length)
            .ok_or_else(malformed)?;
        total += segment.length;
    }
    if end > size || total != stored {
        return Err(malformed());
    }
    Ok(())
}

fn malformed() -> LayerError {
    LayerError::Archive("a sparse file's map is malformed".into())
}

fn too_many() -> LayerError {
    LayerError::Archive(format!("a sparse file of more than {SEGMENT_LIMIT} pieces"))
}
