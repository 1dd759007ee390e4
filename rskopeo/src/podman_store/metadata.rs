//! What containers/image notes in an image's `metadata`: where one signature ends and the next begins.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::go_json::{self, null_as_default};

/// Sizes in bytes, in the signatures' order.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Metadata {
    /// Of the manifest that was copied.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub signature_sizes: Vec<usize>,
    /// Of each manifest.
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub signatures_sizes: BTreeMap<Digest, Vec<usize>>,
}

impl Metadata {
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "" => Ok(Self::default()),
            text => serde_json::from_str(text).context("decoding metadata for source image"),
        }
    }

    pub fn to_json(&self) -> Result<String> {
        Ok(go_json::compact(self)?)
    }

    pub fn of(&self, manifest: &Digest) -> &[usize] {
        self.signatures_sizes
            .get(manifest)
            .map_or(&[], Vec::as_slice)
    }
}
