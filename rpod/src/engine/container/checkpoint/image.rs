//! A checkpoint as an image of one layer, the archive: it goes through registries as others do.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::{Asked, archive, criu};
use crate::engine::container::create::lock_images;
use crate::engine::container::record::Container;
use crate::engine::image::assemble::{self, Base, Kind, Told};
use crate::engine::image::{self, Image};
use crate::engine::layout::Layout;
use crate::engine::{Context, host};

const PREFIX: &str = "io.podman.annotations.checkpoint.";

pub(super) fn create(
    ctx: &Context,
    container: &Container,
    asked: &Asked,
    name: &str,
) -> Result<()> {
    let name = image::local_name(name)?;
    let _images = lock_images(ctx)?;
    let layout = Layout::images(&ctx.store);
    let layer = layout.put_blob(|out| archive::write(ctx, container, asked, out))?;
    let now = jiff::Timestamp::now().to_string();
    let base = Base {
        config: json!({
            "created": now,
            "architecture": host::go_arch(),
            "os": "linux",
            "config": {},
            "rootfs": { "type": "layers", "diff_ids": [] },
            "history": [{ "created": now, "created_by": "rpod container checkpoint" }],
        }),
        annotations: annotations(ctx, container)?,
        ..Base::default()
    };
    let told = Told { quiet: true };
    assemble::put_image(ctx, base, &layer, Kind::Oci, Some(&name), told).map(drop)
}

/// What whoever restores it may want to compare.
fn annotations(ctx: &Context, container: &Container) -> Result<BTreeMap<String, String>> {
    let info = host::info(ctx)?;
    let text = |path: &str| {
        let value = info.pointer(path).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let runtime = container.runtime.as_deref().and_then(Path::file_name);
    let all = [
        ("name", container.name.clone()),
        ("rawImageName", container.image.raw_name.clone()),
        ("rootfsImageID", container.image.id.clone()),
        ("rootfsImageName", container.image.name.clone()),
        ("podman.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("criu.version", criu::version()?.to_string()),
        (
            "runtime.name",
            runtime.unwrap_or_default().to_string_lossy().into_owned(),
        ),
        ("runtime.version", text("/host/ociRuntime/version")),
        ("conmon.version", text("/host/conmon/version")),
        ("host.arch", text("/host/arch")),
        ("host.kernel", text("/host/kernel")),
        ("cgroups.version", text("/host/cgroupVersion")),
        ("distribution.version", text("/host/distribution/version")),
        ("distribution.name", text("/host/distribution/distribution")),
    ];
    let all = all.map(|(key, value)| (format!("{PREFIX}{key}"), value));
    Ok(all.into_iter().collect())
}

/// Whether the image holds a checkpoint.
pub fn is_checkpoint(image: &Image) -> bool {
    image
        .annotations
        .contains_key(&format!("{PREFIX}runtime.name"))
}

/// The archive that is its only layer.
pub(super) fn open(image: &Image) -> Result<File> {
    let layout = Layout::images(&image.store);
    let manifest: Value = layout.read(&image.digest)?;
    let layers = manifest["layers"].as_array().map_or(&[][..], Vec::as_slice);
    let [layer] = layers else {
        bail!(
            "image {} holds no checkpoint: it has {} layers",
            image.id,
            layers.len()
        );
    };
    let path = layout.blob(layer["digest"].as_str().unwrap_or_default())?;
    File::open(&path).with_context(|| format!("opening {}", path.display()))
}
