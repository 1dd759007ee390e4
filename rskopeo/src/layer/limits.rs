//! Bounds on what one layer may make of itself.

use super::error::{LayerError, Result};

/// Limits for one layer; the defaults are far above real images and far below a full disk of inodes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Archive entries.
    pub entries: u64,
    /// Bytes of file content, holes not counted.
    pub bytes: u64,
    /// Plain bytes for each byte of the blob, once there is more than a gigabyte of them.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 4_000_000,
            bytes: 256 << 30,
            ratio: 500,
        }
    }
}

/// What a layer has used up so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    entries: u64,
    bytes: u64,
}

impl Used {
    pub(super) fn entry(&mut self, limits: &Limits, content: u64) -> Result<()> {
        self.entries += 1;
        if self.entries > limits.entries {
            return Err(LayerError::Limit {
                what: "entries",
                limit: limits.entries,
                option: "max-entries",
            });
        }
        self.bytes = self.bytes.saturating_add(content);
        if self.bytes > limits.bytes {
            return Err(LayerError::Limit {
                what: "bytes of content",
                limit: limits.bytes,
                option: "max-bytes",
            });
        }
        Ok(())
    }
}
