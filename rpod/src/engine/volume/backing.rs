//! Volumes that stand on an image (`--driver image`): podman-volume-create(1).
//!
//! While one is used, the image's layers lie under a directory of its own, as under a container's. Its record keeps the layers from the
//! sweep, so it needs nothing else of the image; the image is not removed from under it all the same, unless by force.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::{Volume, all, home, readable};
use crate::engine::container::overlay::Overlay;
use crate::engine::{Context, image, selinux};

/// The image that a volume stands on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Backing {
    id: String,
    /// chainIDs, lowest first.
    layers: Vec<String>,
}

impl Backing {
    /// The image that the options name. The caller holds the images until the volume's record is written.
    pub(super) fn asked(ctx: &Context, options: &BTreeMap<String, String>) -> Result<Backing> {
        if let Some(key) = options.keys().find(|key| *key != "image") {
            bail!(
                "invalid mount option {key} for driver 'image': invalid argument: image is the only one"
            );
        }
        let name = options.get("image").filter(|name| !name.is_empty());
        let name = name.context(
            "must provide an image name when creating a volume with the image driver: invalid argument: --opt image=NAME",
        )?;
        let image = image::find(ctx, name)
            .with_context(|| format!("looking up image {name} to create volume failed"))?;
        image::unpack_missing_layers(ctx, &image)?;
        Ok(Backing {
            id: image.id,
            layers: image.layers,
        })
    }

    pub(super) fn mount(&self, ctx: &Context, volume: &Volume) -> Result<()> {
        let label = selinux::shared_file_label();
        let overlay = Overlay {
            layers: &ctx.store.layers(),
            chain: &self.layers,
            home: &home(ctx, &volume.name),
            volatile: false,
            userxattr: crate::engine::rootless(),
            owner: (volume.uid.unwrap_or(0), volume.gid.unwrap_or(0)),
            label: label.as_deref(),
            quota: volume.quota,
        };
        overlay.mount()
    }
}

/// The volumes that stand on an image.
pub fn of_image(ctx: &Context, id: &str) -> Result<Vec<Volume>> {
    let mut volumes = all(ctx)?;
    volumes.retain(|volume| volume.image.as_ref().is_some_and(|image| image.id == id));
    Ok(volumes)
}

/// The layers that volumes stand on; an error if a record cannot be read that may name others.
pub fn layers(ctx: &Context) -> Result<BTreeSet<String>> {
    let images = readable(ctx)?.all()?.into_iter();
    let images = images.filter_map(|volume| volume.image);
    Ok(images.flat_map(|image| image.layers).collect())
}
