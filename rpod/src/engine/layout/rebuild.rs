//! A damaged `index.json` is made anew from the manifests among the blobs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Layout, hex};
use crate::store::directory::entries;

/// The largest blob that is read as a manifest.
const LARGEST: u64 = 4 << 20;

impl Layout {
    /// How many manifests were found, and where the damaged index is kept. Of their names only those are known that others remember,
    /// by digest.
    pub fn rebuild_index(&self, names: &BTreeMap<String, String>) -> Result<(usize, PathBuf)> {
        let mut manifests = Vec::new();
        for blob in entries(&self.blobs())? {
            let size = blob.metadata().context("stat")?.len();
            let name = blob.file_name().unwrap_or_default().to_string_lossy();
            let digest = format!("sha256:{name}");
            if size <= LARGEST && hex(&digest).is_ok() {
                let media_type = self.whole_manifest(&digest);
                manifests.extend(media_type.map(|media_type| (media_type, digest, size)));
            }
        }
        let kept = self.put_index_aside()?;
        self.edit(|index| {
            for (media_type, digest, size) in &manifests {
                index.put(media_type, digest, *size);
                if let Some(name) = names.get(digest) {
                    index.add_name(digest, name)?;
                }
            }
            Ok(())
        })?;
        Ok((manifests.len(), kept))
    }

    /// The media type, if the blob is a manifest all of whose blobs are there.
    fn whole_manifest(&self, digest: &str) -> Option<String> {
        let value: Value = self.read(digest).ok()?;
        let parts = value["layers"].as_array()?.iter();
        let all_there = parts.chain([&value["config"]]).all(|part| {
            let digest = part["digest"].as_str();
            let path = digest.and_then(|digest| self.blob(digest).ok());
            path.is_some_and(|path| path.exists())
        });
        let media_type = value["mediaType"]
            .as_str()
            .unwrap_or("application/vnd.oci.image.manifest.v1+json");
        all_there.then(|| media_type.to_owned())
    }
}
