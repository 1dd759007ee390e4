//! A manifest of schema 1 made of an image of schema 2, for registries and tools that know nothing newer.

use anyhow::{Context, Result, bail};

use super::config::{Told, from_schema2};
use super::{FsLayer, Schema1, Step, Text};
use crate::digest::Digest;
use crate::manifest::{Descriptor, Image, RawManifest};
use crate::reference::Name;

/// The gzip-compressed tar archive with nothing in it that stands for every layer without changes, byte for byte as Docker has it.
pub const EMPTY_LAYER: [u8; 32] = [
    31, 139, 8, 0, 0, 9, 110, 136, 0, 255, 98, 24, 5, 163, 96, 20, 140, 88, 0, 8, 0, 0, 255, 255,
    46, 175, 181, 239, 0, 4, 0, 0,
];

/// The manifest, and whether it names [`EMPTY_LAYER`].
#[derive(Debug)]
pub struct Made {
    pub manifest: RawManifest,
    pub has_empty_layers: bool,
}

impl Made {
    /// `name` is what the image will be called, where the destination has names.
    ///
    /// # Errors
    /// The configuration has no history, or one of other layers than the image's.
    pub fn of(image: &Image, config: &[u8], name: Option<&Name>) -> Result<Self> {
        let told: Told = serde_json::from_slice(config).context("parsing image configuration")?;
        if told.history.is_empty() {
            bail!(
                "Cannot convert an image with 0 history entries to Docker schema 1: use --format v2s2 or oci"
            );
        }
        let mut full = image.layers.iter();
        let mut has_empty_layers = false;
        let mut layers = Vec::new();
        let mut steps: Vec<Step> = Vec::new();
        for line in told.history {
            let digest = if line.empty_layer {
                has_empty_layers = true;
                Digest::sha256(&EMPTY_LAYER)
            } else {
                let Some(layer) = full.next() else {
                    bail!(
                        "Invalid image configuration, needs more than the {} distributed layers",
                        image.layers.len()
                    );
                };
                layer.digest.clone()
            };
            let parent = steps.last().map(|step| step.id.clone()).unwrap_or_default();
            let id = id(&[digest.hex(), &parent]);
            layers.push(FsLayer { blob_sum: digest });
            steps.push(line.step(id, parent));
        }
        if full.next().is_some() {
            bail!("Invalid image configuration: its history knows fewer than the image's layers");
        }
        let history = texts(&mut steps, &layers, config)?;
        layers.reverse();
        let schema1 = Schema1 {
            name: name.map(|name| name.path.clone()).unwrap_or_default(),
            tag: name.and_then(|name| name.tag.clone()).unwrap_or_default(),
            architecture: told.architecture,
            fs_layers: layers,
            history,
            schema_version: 1,
        };
        Ok(Self {
            manifest: schema1.serialize()?,
            has_empty_layers,
        })
    }

    /// The blob [`EMPTY_LAYER`].
    pub fn empty_layer() -> Descriptor {
        Descriptor::new(
            crate::manifest::DOCKER_LAYER,
            Digest::sha256(&EMPTY_LAYER),
            EMPTY_LAYER.len() as u64,
        )
    }
}

/// The texts of history, the newest first; that one's id depends on the whole configuration.
fn texts(steps: &mut Vec<Step>, layers: &[FsLayer], config: &[u8]) -> Result<Vec<Text>> {
    let (Some(mut newest), Some(layer)) = (steps.pop(), layers.last()) else {
        bail!("an image without layers");
    };
    let config_text = String::from_utf8_lossy(config);
    newest.id = id(&[layer.blob_sum.hex(), &newest.parent, &config_text]);
    let mut texts = vec![Text {
        v1_compatibility: from_schema2(config, &newest)?,
    }];
    for step in steps.iter().rev() {
        texts.push(Text {
            v1_compatibility: crate::go_json::compact(step)?,
        });
    }
    Ok(texts)
}

/// Any id would do that is like no other; this is the one that Docker made.
fn id(parts: &[&str]) -> String {
    Digest::sha256(parts.join(" ").as_bytes()).hex().to_owned()
}
