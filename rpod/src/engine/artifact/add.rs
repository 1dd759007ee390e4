//! An artifact of files of the host: podman-artifact-add(1).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{CREATED, TITLE, media_type, name, remove};
use crate::engine::image::Name;
use crate::engine::layout::{Blob, Index, Layout};
use crate::engine::{Context, event};

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The configuration of what has none (image-spec, manifest.md, "Guidance for an Empty Descriptor").
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// What is asked for, besides the files.
#[derive(Clone, Debug, Default)]
pub struct Adding {
    pub annotations: BTreeMap<String, String>,
    /// To one that is there.
    pub append: bool,
    /// In the place of one that has the name.
    pub replace: bool,
    /// Media type of the files, where it shall not be told by their first bytes.
    pub file_type: Option<String>,
    /// What kind of artifact it is.
    pub kind: Option<String>,
}

/// Makes an artifact, or adds to one; the digest of its manifest is the answer.
pub fn add(ctx: &Context, text: &str, paths: &[PathBuf], asked: &Adding) -> Result<String> {
    if asked.append && asked.kind.is_some() {
        bail!("append option is not compatible with type option");
    }
    let name = name::parse(text)?;
    if name.digest.is_some() {
        bail!("{text}: name it with a tag: its digest is not known before it is made");
    }
    let digest = put(ctx, &name, paths, asked)?;
    event::artifact(ctx, "add", &digest, &name.to_string());
    // What it was before.
    if asked.append || asked.replace {
        remove::sweep(ctx)?;
    }
    Ok(digest)
}

fn put(ctx: &Context, name: &Name, paths: &[PathBuf], asked: &Adding) -> Result<String> {
    let layout = Layout::artifacts(&ctx.store);
    let _kept = layout.hold()?;
    // Before anything is copied; and once more when the index is locked.
    let so_far = begun(&layout, &layout.index()?, name, asked)?;
    let titles = titles(paths, asked)?;
    check_titles(&so_far, &titles, asked)?;
    let mut layers = Vec::new();
    for (path, title) in paths.iter().zip(&titles) {
        let (media_type, blob) = copy(&layout, path, asked.file_type.as_deref())?;
        layers.push(layer(title, &media_type, &blob, asked));
    }
    layout.put_json(&json!({}))?;
    layout.edit(|index| {
        let mut manifest = begun(&layout, index, name, asked)?;
        check_titles(&manifest, &titles, asked)?;
        if let Some(all) = manifest["layers"].as_array_mut() {
            all.extend(layers);
        }
        let blob = layout.put_json(&manifest)?;
        index.put(MANIFEST, &blob.digest, blob.size);
        index.remove(&name.to_string());
        index.add_name(&blob.digest, &name.to_string())?;
        Ok(blob.digest)
    })
}

/// The manifest to which the files are added.
fn begun(layout: &Layout, index: &Index, name: &Name, asked: &Adding) -> Result<Value> {
    let there = index.digest_of(name);
    match (there, asked.append) {
        (Some(digest), true) => layout
            .read(digest)
            .map_err(|error| layout.damaged(index, digest, error)),
        (None, true) => bail!("{name}: artifact does not exist"),
        (Some(_), false) if !asked.replace => bail!("{name}: artifact already exists"),
        _ => Ok(fresh(asked)),
    }
}

fn fresh(asked: &Adding) -> Value {
    let mut manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST });
    if let Some(kind) = &asked.kind {
        manifest["artifactType"] = kind.as_str().into();
    }
    manifest["config"] = empty();
    manifest["layers"] = json!([]);
    let mut annotations = asked.annotations.clone();
    annotations.insert(CREATED.to_owned(), Timestamp::now().to_string());
    manifest["annotations"] = json!(annotations);
    manifest
}

/// The descriptor of `{}`, which stands for what an artifact has not.
pub fn empty() -> Value {
    json!({
        "mediaType": EMPTY,
        "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "size": 2,
        "data": "e30=",
    })
}

/// What the files will be called.
fn titles(paths: &[PathBuf], asked: &Adding) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for path in paths {
        let name = path
            .file_name()
            .with_context(|| format!("{} names no file", path.display()))?;
        let name = name.to_string_lossy().into_owned();
        if names.contains(&name) {
            bail!("{name}: file already exists in artifact");
        }
        names.push(name);
    }
    Ok(match asked.annotations.get(TITLE) {
        Some(title) => vec![title.clone(); names.len()],
        None => names,
    })
}

fn check_titles(manifest: &Value, titles: &[String], asked: &Adding) -> Result<()> {
    let layers = manifest["layers"].as_array().into_iter().flatten();
    let there: Vec<&str> = layers.filter_map(super::title).collect();
    for (number, title) in titles.iter().enumerate() {
        let is_there = there.contains(&title.as_str());
        if titles[..number].contains(title) || is_there && asked.annotations.contains_key(TITLE) {
            bail!("duplicate layers {TITLE} labels within an artifact not allowed");
        }
        if is_there {
            bail!("{title}: file already exists in artifact");
        }
    }
    Ok(())
}

/// Takes a file into a layout; its media type, told by its first bytes where it is not given, and its blob.
pub fn copy(layout: &Layout, path: &Path, media_type: Option<&str>) -> Result<(String, Blob)> {
    let reading = || format!("reading {}", path.display());
    let mut file = File::open(path).with_context(reading)?;
    let media_type = match media_type {
        Some(media_type) => media_type.to_owned(),
        None => {
            let mut start = Vec::new();
            (&file)
                .take(media_type::LOOKED_AT as u64)
                .read_to_end(&mut start)
                .with_context(reading)?;
            file.rewind().with_context(reading)?;
            media_type::of(&start).to_owned()
        }
    };
    let blob = layout
        .put_blob(|out: &mut dyn Write| io::copy(&mut file, out).with_context(reading).map(drop))?;
    Ok((media_type, blob))
}

/// The descriptor of a file that has its blob.
fn layer(title: &str, media_type: &str, blob: &Blob, asked: &Adding) -> Value {
    let mut annotations = asked.annotations.clone();
    annotations.insert(TITLE.to_owned(), title.to_owned());
    json!({
        "mediaType": media_type,
        "digest": blob.digest,
        "size": blob.size,
        "annotations": annotations,
    })
}
