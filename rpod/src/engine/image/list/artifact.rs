//! An artifact that is made for a list, and lies beside its images: podman-manifest-add(1), "--artifact".

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{List, Subject, change};
use crate::engine::Context;
use crate::engine::artifact::add::{MANIFEST, copy, empty};
use crate::engine::artifact::{TITLE, media_type};
use crate::engine::container::create::lock_images;
use crate::engine::layout::Layout;

/// What kind of artifact.
#[derive(Clone, Debug, Default)]
pub struct Artifact {
    pub kind: Option<String>,
    pub config: Option<PathBuf>,
    pub config_type: Option<String>,
    pub layer_type: Option<String>,
    pub exclude_titles: bool,
    /// The name of an image that it is about.
    pub subject: Option<String>,
    pub annotations: Vec<(String, String)>,
}

/// Makes an artifact of the files and adds it; its digest is the answer.
pub fn add_artifact(
    ctx: &Context,
    list: &str,
    files: &[PathBuf],
    asked: &Artifact,
) -> Result<String> {
    let _images = lock_images(ctx)?;
    let layout = Layout::images(&ctx.store);
    let manifest = manifest(ctx, &layout, files, asked)?;
    let blob = layout.put_json(&manifest)?;
    let (_, ()) = change(ctx, list, |list: &mut List| {
        let manifests = list.value["manifests"].as_array_mut();
        let manifests =
            manifests.with_context(|| format!("manifest list {} has no manifests", list.id))?;
        manifests.retain(|other| other["digest"] != blob.digest.as_str());
        manifests.push(json!({
            "mediaType": MANIFEST,
            "digest": blob.digest,
            "size": blob.size,
            "artifactType": manifest["artifactType"],
        }));
        Ok(())
    })?;
    Ok(blob.digest)
}

fn manifest(ctx: &Context, layout: &Layout, files: &[PathBuf], asked: &Artifact) -> Result<Value> {
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        // As other tools call what they are told nothing of.
        "artifactType": asked.kind.as_deref().unwrap_or("application/vnd.unknown.artifact.v1"),
        "config": config(layout, asked)?,
    });
    let layers = files.iter().map(|path| layer(layout, path, asked));
    manifest["layers"] = layers.collect::<Result<Value>>()?;
    if files.is_empty() {
        layout.put_json(&json!({}))?;
        manifest["layers"] = json!([empty()]);
    }
    if let Some(name) = &asked.subject {
        let subject = Subject::of(ctx, name)?;
        manifest["subject"] = json!({
            "mediaType": subject.media_type,
            "digest": subject.digest,
            "size": subject.size,
        });
    }
    for (key, value) in &asked.annotations {
        manifest["annotations"][key] = value.as_str().into();
    }
    Ok(manifest)
}

fn config(layout: &Layout, asked: &Artifact) -> Result<Value> {
    let Some(path) = &asked.config else {
        layout.put_json(&json!({}))?;
        let mut config = empty();
        if let Some(kind) = &asked.config_type {
            config["mediaType"] = kind.as_str().into();
        }
        return Ok(config);
    };
    let kind = asked.config_type.as_deref();
    let kind = kind.unwrap_or("application/vnd.oci.image.config.v1+json");
    let (kind, blob) = copy(layout, path, Some(kind))?;
    Ok(json!({ "mediaType": kind, "digest": blob.digest, "size": blob.size }))
}

fn layer(layout: &Layout, path: &Path, asked: &Artifact) -> Result<Value> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let by_name = media_type::of_name(&name);
    let (found, blob) = copy(layout, path, asked.layer_type.as_deref().or(by_name))?;
    // The type alone, without parameters such as its character set.
    let kind = found.split(';').next().unwrap_or_default();
    let mut layer = json!({ "mediaType": kind, "digest": blob.digest, "size": blob.size });
    if !asked.exclude_titles {
        layer["annotations"][TITLE] = name.into();
    }
    Ok(layer)
}
