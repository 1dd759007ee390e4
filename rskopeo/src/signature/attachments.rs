//! Signatures in the registry itself: an image tagged `sha256-HEX.sig` whose layers are the payloads (cosign's
//! SIGNATURE_SPEC "Tag-based discovery").

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Signature;
use super::blob::MAX_SIGNATURE;
use crate::bounds;
use crate::digest::Digest;
use crate::go_json;
use crate::manifest::{Descriptor, Image, OCI_CONFIG, OCI_MANIFEST, RawManifest};
use crate::registry::Client;

/// What is attached to `manifest`; signatures and whatever else there is, told apart by media type.
pub fn read(client: &Client, manifest: &Digest) -> Result<Vec<Signature>> {
    let Some(image) = attached(client, manifest)? else {
        return Ok(Vec::new());
    };
    let read = |layer: Descriptor| {
        Ok(Signature::Sigstore {
            payload: client.small_blob(&layer, MAX_SIGNATURE)?,
            mime_type: layer.media_type,
            annotations: layer.annotations,
        })
    };
    image.layers.into_iter().map(read).collect()
}

/// Adds to what is attached already.
pub fn write(client: &Client, manifest: &Digest, signatures: &[&Signature]) -> Result<()> {
    let (mut layers, mut config) = match attached(client, manifest)? {
        Some(image) => {
            let config = client.small_blob(&image.config, bounds::max_manifest())?;
            let config = serde_json::from_slice(&config);
            let what = || format!("parsing sigstore attachment config {}", image.config.digest);
            (image.layers, config.with_context(what)?)
        }
        None => (Vec::new(), empty_config()),
    };
    for signature in signatures {
        let Signature::Sigstore {
            mime_type,
            payload,
            annotations,
        } = signature
        else {
            continue;
        };
        let digest = Digest::sha256(payload);
        if layers
            .iter()
            .any(|layer| is_same(layer, mime_type, &digest, annotations))
        {
            continue;
        }
        client.put_small_blob(&digest, payload)?;
        if let Some(diff_ids) = config["rootfs"]["diff_ids"].as_array_mut() {
            diff_ids.push(digest.as_str().into());
        }
        let mut layer = Descriptor::new(mime_type, digest, payload.len() as u64);
        layer.annotations.clone_from(annotations);
        layers.push(layer);
    }
    let config = go_json::compact(&config)?.into_bytes();
    let descriptor = Descriptor::new(OCI_CONFIG, Digest::sha256(&config), config.len() as u64);
    client.put_small_blob(&descriptor.digest, &config)?;
    let image = go_json::compact(&json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor, "layers": layers,
    }))?;
    client.put_manifest(&tag(manifest), OCI_MANIFEST, image.as_bytes())
}

fn attached(client: &Client, manifest: &Digest) -> Result<Option<Image>> {
    let tag = tag(manifest);
    let Some((told, bytes)) = client.manifest(&tag, OCI_MANIFEST)? else {
        return Ok(None);
    };
    let parse = || Image::parse(&RawManifest::guess(bytes, told.as_deref())?);
    parse()
        .map(Some)
        .with_context(|| format!("parsing sigstore attachment {tag}"))
}

fn tag(manifest: &Digest) -> String {
    format!("{}-{}.sig", manifest.algorithm(), manifest.hex())
}

fn empty_config() -> Value {
    json!({"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}})
}

fn is_same(
    layer: &Descriptor,
    mime_type: &str,
    digest: &Digest,
    annotations: &BTreeMap<String, String>,
) -> bool {
    layer.media_type == *mime_type && layer.digest == *digest && layer.annotations == *annotations
}
