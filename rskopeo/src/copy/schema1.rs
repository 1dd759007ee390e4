//! Images of schema 1: kept as they are where the destination takes them, and made where `--format v2s1` asks for it.

use std::io::Cursor;

use anyhow::{Context, Result, bail};

use super::{Options, formats, say};
use crate::compression::Compression;
use crate::manifest::{
    DOCKER_SCHEMA1, Descriptor, EMPTY_LAYER, Format, Image, Made, RawManifest, Schema1,
};
use crate::transport::{BlobStream, Destination, Layer, LayerForm, Role, Source, Spooled};

/// Whether the manifest goes as it is, or at most under another name.
pub fn stays(
    destination: &dyn Destination,
    fixed: Option<&'static str>,
    options: &Options,
) -> Result<bool> {
    let types = formats::accepted(destination, options);
    let taken = types.is_empty() || types.iter().any(|taken| DOCKER_SCHEMA1.contains(taken));
    let wanted = matches!(options.format, None | Some(Format::DockerSchema1));
    let as_they_are = destination.layer_form() != LayerForm::Uncompressed
        && matches!(options.compression, None | Some(Compression::Gzip));
    let stays = taken && wanted && as_they_are;
    if let (Some(reason), false) = (fixed, stays) {
        bail!(
            "Manifest must be converted from Docker schema 1 to be written to destination, but we cannot modify it: {reason:?}"
        );
    }
    Ok(stays)
}

/// Copies the layers; gives the manifest under the name that it has at the destination.
pub fn keep(
    source: &dyn Source,
    destination: &dyn Destination,
    manifest: &RawManifest,
    fixed: Option<&'static str>,
    options: &Options,
) -> Result<RawManifest> {
    let schema1 = Schema1::parse(manifest)?;
    let renamed = destination
        .name()
        .filter(|name| schema1.is_called_otherwise(name));
    if let (Some(name), Some(reason)) = (renamed, fixed) {
        bail!(
            "Copying a schema1 image with an embedded Docker reference to {name} would change the manifest, which we cannot do: {reason:?}"
        );
    }
    for (index, digest) in schema1.layers().enumerate() {
        let role = Role::Layer(Layer {
            index,
            diff_id: None,
            chain_id: None,
        });
        say(options, &format!("Copying blob {digest}"))?;
        let told = Descriptor::new("", digest.clone(), 0);
        if destination.has_blob(&told, &role)?.is_some() {
            continue;
        }
        let copied = Spooled::read(source, digest, options.tmpdir.as_deref()).and_then(|layer| {
            let blob = layer.descriptor(digest);
            let stream = BlobStream::verified(layer.open()?, &blob);
            destination.put_blob(Some(&blob), &role, stream)
        });
        copied.with_context(|| format!("copying blob {digest}"))?;
    }
    match renamed {
        Some(name) => schema1.renamed(name),
        None => Ok(manifest.clone()),
    }
}

/// Makes a manifest of schema 1, whose layers have been copied but for the empty one.
pub fn make(destination: &dyn Destination, image: &Image, config: &[u8]) -> Result<RawManifest> {
    let made = Made::of(image, config, destination.name())?;
    if made.has_empty_layers {
        let empty = Made::empty_layer();
        let role = Role::Layer(Layer {
            index: image.layers.len(),
            diff_id: None,
            chain_id: None,
        });
        if destination.has_blob(&empty, &role)?.is_none() {
            let stream = BlobStream::verified(Box::new(Cursor::new(EMPTY_LAYER)), &empty);
            destination
                .put_blob(Some(&empty), &role, stream)
                .context("writing the empty layer")?;
        }
    }
    Ok(made.manifest)
}
