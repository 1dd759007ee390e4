//! A manifest of schema 1, whose configuration is within it. Sizes and kinds of its layers are not told.

use anyhow::Result;

use super::{LayerData, Summary};
use crate::digest::Digest;
use crate::manifest::{RawManifest, Schema1};

/// What is in such a manifest.
pub(super) struct Inspected {
    tag: String,
    layers: Vec<Digest>,
    /// The configuration.
    pub(super) raw: Vec<u8>,
}

impl Inspected {
    pub(super) fn read(manifest: &RawManifest) -> Result<Self> {
        let schema1 = Schema1::parse(manifest)?;
        // DiffIDs are those of layers that were read; here none are.
        let raw = schema1.config(&[])?;
        Ok(Self {
            layers: schema1.layers().cloned().collect(),
            tag: schema1.tag,
            raw,
        })
    }

    pub(super) fn complete<'a>(&'a self, mut summary: Summary<'a>) -> Summary<'a> {
        summary.tag = (!self.tag.is_empty()).then(|| self.tag.clone());
        summary.layers = self.layers.iter().collect();
        let data = |digest| LayerData {
            mime_type: "",
            digest,
            size: -1,
            annotations: None,
        };
        summary.layers_data = self.layers.iter().map(data).collect();
        summary
    }
}
