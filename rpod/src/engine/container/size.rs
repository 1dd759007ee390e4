//! How much a container takes: podman-ps(1), "--size".

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use nix::unistd::{AccessFlags, access};

use super::record::Container;
use crate::engine::{Context, tree};
use crate::store::record::{self, Durability};

/// Bytes of the files that the container wrote or changed.
pub fn own(ctx: &Context, container: &Container) -> Result<u64> {
    let upper = container.home(ctx).join("upper");
    if !upper.exists() {
        return Ok(0);
    }
    tree::size(&upper).with_context(|| format!("measuring container {}", container.name))
}

/// Bytes of the container's files with those of its image.
pub fn with_image(ctx: &Context, container: &Container) -> Result<u64> {
    let mut size = own(ctx, container)?;
    for layer in &container.image.layers {
        size += layer_size(&ctx.store.layers().join(layer))?;
    }
    Ok(size)
}

/// Bytes of a layer's files, measured once and kept beside them.
fn layer_size(layer: &Path) -> Result<u64> {
    let kept = layer.join("size");
    if let Some(size) = fs::read_to_string(&kept)
        .ok()
        .and_then(|text| text.parse().ok())
    {
        return Ok(size);
    }
    let size = tree::size(&layer.join("diff"))?;
    match record::replace(&kept, size.to_string().as_bytes(), Durability::Process) {
        // A store that may only be read is measured every time.
        Err(_) if access(layer, AccessFlags::W_OK).is_err() => Ok(size),
        kept => kept.map(|()| size),
    }
}
