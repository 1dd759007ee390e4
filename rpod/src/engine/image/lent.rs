//! Images that other stores lend: storage.conf(5), "additionalimagestores". They are read where they are and never changed.
//!
//! A lender is the root of another rpod. storage.conf is podman's, too: a store there that only podman knows lends rpod nothing.
//! What a container stands on is a symbolic link in the store's own directory of layers, which
//! is swept like any layer of no use; whoever is to change an image gets it copied first.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::{Image, manifest};
use crate::config::storage_options;
use crate::engine::Context;
use crate::engine::layout::Layout;
use crate::store::Store;

/// In the order in which they are asked. Of a store whose images lie elsewhere, the root itself lends what was in it before.
pub(super) fn lenders(ctx: &Context) -> Result<Vec<Store>> {
    let own = ctx.store.imagestore.as_ref().map(|_| &ctx.store.root);
    let roots = own
        .into_iter()
        .chain(&storage_options()?.additional_image_stores);
    let mut lenders = Vec::new();
    for root in roots.filter(|root| *root != ctx.store.image_root()) {
        lenders.push(Store {
            root: root.clone(),
            runroot: ctx.store.runroot.clone(),
            imagestore: None,
        });
    }
    Ok(lenders)
}

impl Image {
    /// Whether it is another store's.
    pub fn is_lent(&self, ctx: &Context) -> bool {
        self.store != ctx.store
    }

    /// Fails for what is to be changed and is another's.
    pub fn must_be_own(&self, ctx: &Context, doing: &str) -> Result<()> {
        if self.is_lent(ctx) {
            bail!(
                "cannot {doing} read-only image {:?}: it lies in the additional image store {}",
                self.id,
                self.store.root.display()
            );
        }
        Ok(())
    }
}

/// Links the layers that the lender has unpacked to where the store has its own.
pub(super) fn link_layers(image: &Image, layers: &Path) -> Result<()> {
    fs::create_dir_all(layers).with_context(|| format!("making {}", layers.display()))?;
    for layer in &image.layers {
        let (source, link) = (image.store.layers().join(layer), layers.join(layer));
        if link.is_dir() || !source.is_dir() {
            continue;
        }
        let linking = || format!("linking {} to {}", link.display(), source.display());
        if link.is_symlink() {
            // It led to a store that is gone.
            fs::remove_file(&link).with_context(linking)?;
        }
        match symlink(&source, &link) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error).with_context(linking);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Makes an image the store's own, without a name yet; nothing to do if it is.
pub(super) fn take_over(ctx: &Context, image: &Image) -> Result<()> {
    if !image.is_lent(ctx) {
        return Ok(());
    }
    let own = Layout::images(&ctx.store);
    let _held = own.hold()?;
    copy_blobs(ctx, image)?;
    let size = image.manifest_size()?;
    own.edit(|index| {
        index.put(&image.media_type, &image.digest, size);
        Ok(())
    })
}

/// Copies what an image is made of. The caller holds the layout's lock until something names it.
pub fn copy_blobs(ctx: &Context, image: &Image) -> Result<()> {
    if !image.is_lent(ctx) {
        return Ok(());
    }
    let (own, lender) = (Layout::images(&ctx.store), Layout::images(&image.store));
    let manifest = manifest::manifest(&image.store, &image.digest)?;
    let parts = manifest.layers.iter().chain([&manifest.config]);
    for digest in parts.map(|blob| &blob.digest).chain([&image.digest]) {
        if !own.blob(digest)?.exists() {
            own.put_blob(|mut out| lender.copy_blob(digest, &mut out))?;
        }
    }
    Ok(())
}
