//! Bounds on what others send: far above what honest images need, and far below what would hurt. Options raise them.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context, Result};

use crate::layer::Limits;

/// The bounds of this process.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// `--max-manifest-size`, in bytes: manifests, configurations, lists of tags.
    pub manifest: u64,
    /// `--max-token-size`, in bytes: what a token server answers.
    pub token: u64,
    /// `--max-entries`, `--max-bytes`, `--max-ratio`, of each layer that is unpacked.
    pub layer: Limits,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            manifest: 4 << 20,
            token: 1 << 20,
            layer: Limits::default(),
        }
    }
}

static CHOSEN: OnceLock<Bounds> = OnceLock::new();

/// Once, before anything is read.
pub fn choose(bounds: Bounds) {
    // A second time there is nothing left to choose.
    CHOSEN.set(bounds).ok();
}

pub fn chosen() -> Bounds {
    CHOSEN.get().copied().unwrap_or_default()
}

/// See [`Bounds::manifest`].
pub fn max_manifest() -> u64 {
    chosen().manifest
}

/// All of a file that is no larger than [`max_manifest`].
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    let mut bytes = Vec::new();
    file.take(max_manifest().saturating_add(1))
        .read_to_end(&mut bytes)
        .with_context(|| format!("reading {}", path.display()))?;
    if bytes.len() as u64 > max_manifest() {
        return Err(too_large(path.display()));
    }
    Ok(bytes)
}

/// An error for what is larger than [`max_manifest`].
pub fn too_large(what: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!(
        "{what} is larger than {} bytes (--max-manifest-size raises this bound)",
        max_manifest()
    )
}
