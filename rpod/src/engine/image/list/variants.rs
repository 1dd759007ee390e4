//! Every platform of a list in more than one compression: podman-manifest-push(1), "--add-compression".
//!
//! An image keeps its place and its digest; what is added is a copy of it with other layers. Who reads a list takes the first image
//! that fits, and old readers do not know zstd, so that those come last and are marked as others mark them.

use std::ffi::OsString;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::super::manifest;
use super::push::Pushed;
use crate::engine::Context;
use crate::engine::copier::{rskopeo, run};
use crate::engine::layout::Layout;

const ZSTD: &str = "io.github.containers.compression.zstd";

/// Which compressions a list is pushed in.
#[derive(Clone, Debug, Default)]
pub struct Compressions {
    /// In the place of each image's own, at a level.
    pub own: Option<(String, Option<u32>)>,
    /// Besides it.
    pub added: Vec<String>,
}

/// The list with what is missing, as a blob of the store: its digest and size are those of the answer.
pub(super) fn add(
    ctx: &Context,
    layout: &Pushed,
    list: &Value,
    asked: &Compressions,
    quiet: bool,
) -> Result<(Value, String, u64)> {
    let mut value = list.clone();
    let own = value["manifests"].as_array().cloned().unwrap_or_default();
    let mut all = Vec::new();
    for instance in &own {
        all.push(match &asked.own {
            Some((format, level)) if !is_in(ctx, instance, format)? => {
                copy(ctx, layout, instance, format, *level, quiet)?
            }
            _ => instance.clone(),
        });
    }
    for instance in &own {
        for format in &asked.added {
            let mut has = false;
            for other in &all {
                has |= other["platform"] == instance["platform"] && is_in(ctx, other, format)?;
            }
            if !has {
                all.push(copy(ctx, layout, instance, format, None, quiet)?);
            }
        }
    }
    all.sort_by_key(|instance| instance["annotations"][ZSTD] == "true");
    value["manifests"] = all.into();
    let blob = Layout::images(&ctx.store).put_json(&value)?;
    Ok((value, blob.digest, blob.size))
}

/// Whether all layers of the image are compressed so.
fn is_in(ctx: &Context, instance: &Value, format: &str) -> Result<bool> {
    let digest = instance["digest"].as_str().unwrap_or_default();
    let image: Value = manifest::read(&ctx.store, digest)?;
    Ok(layers_are_in(&image, format))
}

fn layers_are_in(image: &Value, format: &str) -> bool {
    let is_in = |layer: &Value| {
        let kind = layer["mediaType"].as_str().unwrap_or_default();
        match format {
            // A plain one becomes so where it is pushed to.
            "gzip" => kind.ends_with("gzip") || kind.ends_with("tar"),
            "zstd" => kind.ends_with("+zstd"),
            _ => {
                let chunked = "io.github.containers.zstd-chunked.manifest-checksum";
                kind.ends_with("+zstd") && layer["annotations"].get(chunked).is_some()
            }
        }
    };
    image["layers"].as_array().into_iter().flatten().all(is_in)
}

/// The image once more, its layers among the store's blobs; the answer is its place in the list.
fn copy(
    ctx: &Context,
    layout: &Pushed,
    instance: &Value,
    format: &str,
    level: Option<u32>,
    quiet: bool,
) -> Result<Value> {
    let digest = instance["digest"].as_str().unwrap_or_default();
    let from = layout.of(instance)?;
    let to = layout.empty()?;
    let blobs = ctx.store.images().join("blobs");
    let named = |layout: &std::path::Path| {
        let mut name = OsString::from("oci:");
        name.push(layout);
        name.push(":one");
        name
    };
    let mut command = rskopeo()?;
    command.args(["copy", "--dest-force-compress-format"]);
    command.args(["--dest-compress-format", format]);
    if let Some(level) = level {
        command.arg("--dest-compress-level").arg(level.to_string());
    }
    command
        .arg("--src-shared-blob-dir")
        .arg(&blobs)
        .arg("--dest-shared-blob-dir")
        .arg(&blobs)
        .arg(named(&from))
        .arg(named(&to));
    run(command, quiet).with_context(|| format!("compressing {digest} as {format}"))?;
    let written = Pushed::only_entry(&to)?;
    let mut made = instance.clone();
    for key in ["mediaType", "digest", "size"] {
        made[key] = written[key].clone();
    }
    match format {
        "gzip" => {
            if let Some(annotations) = made["annotations"].as_object_mut() {
                annotations.shift_remove(ZSTD);
            }
        }
        _ => {
            if !made["annotations"].is_object() {
                made["annotations"] = json!({});
            }
            made["annotations"][ZSTD] = json!("true");
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressions_are_told_apart() {
        let image = |kind: &str| json!({ "layers": [{ "mediaType": format!("application/vnd.oci.image.layer.v1.tar{kind}") }] });
        assert!(layers_are_in(&image("+gzip"), "gzip"));
        assert!(layers_are_in(&image("+zstd"), "zstd"));
        assert!(!layers_are_in(&image("+zstd"), "zstd:chunked"));
        assert!(layers_are_in(&image(""), "gzip") && !layers_are_in(&image(""), "zstd"));
    }
}
