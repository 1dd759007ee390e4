//! How large an image is: the bytes of its layers' archives before compression, its manifest and its configuration, as podman
//! counts. Nothing is unpacked for it: a compressed layer tells the size of what is in it.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Image, manifest};

impl Image {
    /// Bytes.
    ///
    /// # Errors
    /// A blob is missing or cannot be read.
    pub fn size(&self) -> Result<u64> {
        let store = &self.store;
        let manifest = manifest::manifest(store, &self.digest)?;
        let mut size = self.manifest_size()?;
        size += file_size(&manifest::blob(store, &manifest.config.digest)?)?;
        Ok(size + self.layer_sizes()?.iter().sum::<u64>())
    }

    /// Bytes of its manifest, as a descriptor of it tells them.
    pub fn manifest_size(&self) -> Result<u64> {
        file_size(&manifest::blob(&self.store, &self.digest)?)
    }

    /// Bytes of each layer's archive, lowest first.
    pub fn layer_sizes(&self) -> Result<Vec<u64>> {
        let store = &self.store;
        let manifest = manifest::manifest(store, &self.digest)?;
        let layers = manifest.layers.iter();
        layers
            .map(|layer| archive_size(&manifest::blob(store, &layer.digest)?))
            .collect()
    }
}

pub(super) fn file_size(path: &Path) -> Result<u64> {
    let metadata =
        std::fs::metadata(path).with_context(|| format!("looking at {}", path.display()))?;
    Ok(metadata.len())
}

/// Bytes of a layer's archive before compression.
pub(super) fn archive_size(path: &Path) -> Result<u64> {
    let context = || format!("reading {}", path.display());
    let mut file = File::open(path).with_context(context)?;
    let stored = file.metadata().with_context(context)?.len();
    let mut head = Vec::with_capacity(18);
    file.by_ref()
        .take(18)
        .read_to_end(&mut head)
        .with_context(context)?;
    if head.starts_with(&[0x1f, 0x8b]) && stored >= 18 {
        file.seek(SeekFrom::End(-4)).with_context(context)?;
        let mut last = [0; 4];
        file.read_exact(&mut last).with_context(context)?;
        return Ok(gzip_content(stored, u32::from_le_bytes(last)));
    }
    Ok(zstd_content(&head).unwrap_or(stored))
}

/// gzip ends with the content's size modulo 4 GiB (RFC 1952). An archive is not smaller than its compressed form, but for a few
/// bytes of frame.
fn gzip_content(stored: u64, modulo: u32) -> u64 {
    let mut size = u64::from(modulo);
    while size + (stored >> 10) + 64 < stored {
        size += 1 << 32;
    }
    size
}

/// The content's size in the header of a zstd frame (RFC 8878, 3.1.1.1), if it is there.
fn zstd_content(head: &[u8]) -> Option<u64> {
    let frame = head.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])?;
    let descriptor = *frame.first()?;
    let single_segment = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let start = 1 + usize::from(!single_segment) + dictionary;
    let bytes = |count: usize| {
        let mut value = [0; 8];
        value[..count].copy_from_slice(frame.get(start..start + count)?);
        Some(u64::from_le_bytes(value))
    };
    match descriptor >> 6 {
        0 if single_segment => bytes(1),
        0 => None,
        1 => bytes(2).map(|size| size + 256),
        2 => bytes(4),
        _ => bytes(8),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn compressed_archives_tell_their_size() {
        assert_eq!(gzip_content(1_000, 10_240), 10_240);
        assert_eq!(gzip_content(2 << 30, 4096), (1 << 32) + 4096);
        assert_eq!(
            zstd_content(&[0x28, 0xb5, 0x2f, 0xfd, 0x60, 0x00, 0x01]),
            Some(512)
        );
        assert_eq!(zstd_content(b"no frame"), None);
    }

    proptest! {
        #[test]
        fn any_header_is_read(head in proptest::collection::vec(any::<u8>(), 0..18)) {
            let _ = zstd_content(&head);
            let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd];
            frame.extend(head);
            let _ = zstd_content(&frame);
        }
    }
}
