//! What can be wrong with a layer or with the tree it is written to.

use std::io;

use nix::errno::Errno;

use super::path::shown;

#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// A system call on the tree failed.
    #[error("{operation} {path}: {source}")]
    System {
        operation: &'static str,
        path: String,
        source: io::Error,
    },
    /// The entry would reach outside of the tree, or means nothing that can be stored safely.
    #[error("refused layer entry {path:?}: {reason}")]
    Refused { path: String, reason: String },
    /// The bytes are no tar archive.
    #[error("invalid tar archive: {0}")]
    Archive(String),
    #[error(
        "layer has more than {limit} {what}; if this image is trusted, raise the limit with --{option}"
    )]
    Limit {
        what: &'static str,
        limit: u64,
        option: &'static str,
    },
    #[error("layer content does not match its diffID: expected {expected}, got {actual}")]
    DiffId { expected: String, actual: String },
    /// The blob could not be read or decompressed.
    #[error("reading layer")]
    Read(#[from] io::Error),
}

pub(super) type Result<T> = std::result::Result<T, LayerError>;

impl LayerError {
    pub(super) fn refused(path: &[u8], reason: impl Into<String>) -> Self {
        Self::Refused {
            path: shown(path),
            reason: reason.into(),
        }
    }

    /// Whether other bytes would have fared better.
    pub fn is_about_content(&self) -> bool {
        !matches!(self, Self::System { .. } | Self::Limit { .. })
    }

    /// The error number of a failed system call.
    pub(super) fn errno(&self) -> Option<Errno> {
        match self {
            Self::System { source, .. } => source.raw_os_error().map(Errno::from_raw),
            _ => None,
        }
    }
}

/// Adds operation and path to a failed system call.
pub(super) trait During<T> {
    fn during(self, operation: &'static str, path: &[u8]) -> Result<T>;
}

impl<T, E: Into<io::Error>> During<T> for std::result::Result<T, E> {
    fn during(self, operation: &'static str, path: &[u8]) -> Result<T> {
        self.map_err(|source| LayerError::System {
            operation,
            path: format!("/{}", shown(path)),
            source: source.into(),
        })
    }
}
