//! An archive of files becomes an image of one layer: podman-import(1).

use std::io::{self, Read};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::assemble::{self, Base, Kind, Told};
use super::{Image, change};
use crate::engine::container::create::lock_images;
use crate::engine::files::compression;
use crate::engine::host::go_arch;
use crate::engine::layout::Layout;
use crate::engine::{Context, event};

#[derive(Debug, Default)]
pub struct Import {
    pub changes: Vec<String>,
    pub message: String,
    pub os: Option<String>,
    pub arch: Option<String>,
    pub variant: Option<String>,
    /// Nothing is told of how far it is.
    pub quiet: bool,
    /// The whole name; none leaves the image without.
    pub name: Option<String>,
}

/// Reads a tar archive, plain or compressed; the image's id is the answer.
pub fn import(ctx: &Context, archive: impl Read, asked: &Import) -> Result<String> {
    let mut config = json!({});
    for text in &asked.changes {
        change::apply(&mut config, text)?;
    }
    let _images = lock_images(ctx)?;
    let told = Told { quiet: asked.quiet };
    told.begin();
    let layer = Layout::images(&ctx.store).put_blob(|out| {
        let mut archive = compression::read(archive)?;
        io::copy(&mut archive, out)
            .context("reading the archive")
            .map(drop)
    })?;
    let now = jiff::Timestamp::now().to_string();
    let comment = match asked.message.as_str() {
        "" => "imported from tarball",
        message => message,
    };
    let mut image = json!({
        "created": now,
        "architecture": asked.arch.as_deref().unwrap_or(go_arch()),
        "os": asked.os.as_deref().unwrap_or("linux"),
        "config": config,
        "rootfs": { "type": "layers", "diff_ids": [] },
        "history": [{ "created": now, "created_by": format!("/bin/sh -c #(nop) ADD file:{} in /", layer.digest.trim_start_matches("sha256:")), "comment": comment }],
    });
    if let Some(variant) = &asked.variant {
        image["variant"] = json!(variant);
    }
    let base = Base {
        config: image,
        ..Base::default()
    };
    let id = assemble::put_image(ctx, base, &layer, Kind::Oci, asked.name.as_deref(), told)?;
    if let Some(name) = &asked.name {
        event::image(ctx, "tag", &super::find(ctx, &id)?, name);
    }
    Ok(id)
}

/// The layers of an image with what made them, the newest first: podman-history(1).
pub fn history(image: &Image) -> Result<Vec<Value>> {
    let manifest: Value = super::manifest::read(&image.store, &image.digest)?;
    let mut layers = manifest["layers"]
        .as_array()
        .cloned()
        .unwrap_or_default()
        .into_iter();
    let mut rows = Vec::new();
    let made = image.created().to_string();
    for entry in &image.config.history {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let mut size = 0;
        if entry["empty_layer"] != true
            && let Some(layer) = layers.next()
        {
            let digest = layer["digest"].as_str().unwrap_or_default();
            size = super::size::archive_size(&super::manifest::blob(&image.store, digest)?)?;
        }
        let created = entry["created"].as_str().unwrap_or(&made);
        rows.push(json!({ "id": "<missing>", "created": created, "CreatedBy": text("created_by"), "size": size, "comment": text("comment") }));
    }
    rows.reverse();
    if let Some(newest) = rows.first_mut() {
        newest["id"] = json!(image.id);
        if !image.names.is_empty() {
            newest["tags"] = json!(image.names);
        }
    }
    Ok(rows)
}
