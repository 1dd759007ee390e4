//! An image's data besides its layers: config, manifests, signatures, each under a key.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::PodmanStore;
use super::records::ImageRecord;
use crate::atomic;
use crate::digest::Digest;

/// The key of the manifest that was copied.
pub const MANIFEST: &str = "manifest";

/// The key of a manifest that is asked for by its digest.
pub fn manifest_key(digest: &Digest) -> String {
    format!("manifest-{digest}")
}

/// The key of the signatures of a manifest, one behind the other.
pub fn signature_key(digest: &Digest) -> String {
    format!("signature-{}", digest.hex())
}

impl PodmanStore {
    pub fn data(&self, image: &ImageRecord, key: &str) -> Result<Vec<u8>> {
        let path = self.data_path(&image.id, key)?;
        fs::read(&path).with_context(|| format!("reading {key} of image {}", image.id))
    }

    /// Writes the data and notes it in the record, which is still to be saved. The images' lock is held.
    pub fn put_data(
        &self,
        image: &mut ImageRecord,
        key: &str,
        bytes: &[u8],
        digest: Digest,
    ) -> Result<()> {
        let path = self.data_path(&image.id, key)?;
        let directory = atomic::directory_of(&path);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .with_context(|| format!("creating {}", directory.display()))?;
        atomic::write_private(&path, bytes)?;
        if !image.big_data_names.iter().any(|known| known == key) {
            image.big_data_names.push(key.to_owned());
        }
        image
            .big_data_sizes
            .insert(key.to_owned(), bytes.len() as u64);
        image.big_data_digests.insert(key.to_owned(), digest);
        Ok(())
    }

    fn data_path(&self, image: &str, key: &str) -> Result<PathBuf> {
        Ok(self
            .images_directory()
            .join(super::layers::checked_id(image)?)
            .join(file_name(key)))
    }
}

/// A key that is made of small letters, digits and dots is a file's name; any other one's is its base64.
fn file_name(key: &str) -> String {
    let plain = |byte: u8| byte == b'.' || byte.is_ascii_digit() || byte.is_ascii_lowercase();
    match key.bytes().all(plain) {
        true => key.to_owned(),
        false => format!("={}", STANDARD.encode(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_files() {
        assert_eq!(file_name("manifest"), "manifest");
        assert_eq!(file_name("a-b"), "=YS1i");
        // As podman 4.3.1 writes it.
        let key = "signature-e07d406b347863bd0a3a5bd099af995adb02f1362031051d0bbd46da3e7a1a47";
        assert_eq!(
            file_name(key),
            "=c2lnbmF0dXJlLWUwN2Q0MDZiMzQ3ODYzYmQwYTNhNWJkMDk5YWY5OTVhZGIwMmYxMzYyMDMxMDUxZDBiYmQ0NmRhM2U3YTFhNDc="
        );
    }
}
