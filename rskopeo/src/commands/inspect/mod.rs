//! `inspect IMAGE-NAME`: the manifest, the config, or a summary of both, with no layer read.

mod values;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Serialize;

use super::parse_image;
use crate::cli::{Global, Inspect};
use crate::digest::Digest;
use crate::go_json;
use crate::go_template::{self, Value};
use crate::manifest::{Descriptor, Image, ImageConfig, Index, RawManifest};
use crate::platform::Platform;
use crate::reference::{Reference, StoredImage};
use crate::retry::retrying;
use crate::terminal;
use crate::transport::{self, Access, BlobStream, Source};

/// The summary, in skopeo's order.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Summary<'a> {
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    digest: Digest,
    repo_tags: Vec<String>,
    created: Option<&'a str>,
    docker_version: &'a str,
    labels: Option<&'a BTreeMap<String, String>>,
    architecture: &'a str,
    os: &'a str,
    layers: Vec<&'a Digest>,
    layers_data: Vec<LayerData<'a>>,
    env: Option<&'a [String]>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LayerData<'a> {
    #[serde(rename = "MIMEType")]
    mime_type: &'a str,
    digest: &'a Digest,
    size: u64,
    /// `null` when there is none.
    annotations: Option<&'a BTreeMap<String, String>>,
}

impl<'a> From<&'a Descriptor> for LayerData<'a> {
    fn from(layer: &'a Descriptor) -> Self {
        Self {
            mime_type: &layer.media_type,
            digest: &layer.digest,
            size: layer.size,
            annotations: (!layer.annotations.is_empty()).then_some(&layer.annotations),
        }
    }
}

pub fn run(global: &Global, args: &Inspect) -> Result<()> {
    let reference = parse_image(&args.image)?;
    let mut access = args.access.resolve(global)?;
    access.shared_blob_dir.clone_from(&args.shared_blob_dir);
    let text = retrying(&args.retry, || inspected(global, args, &reference, &access))?;
    terminal::write(&text)
}

fn inspected(
    global: &Global,
    args: &Inspect,
    reference: &Reference,
    access: &Access,
) -> Result<Vec<u8>> {
    let source = transport::open_source(reference, access)
        .with_context(|| format!("Error parsing image name {:?}", args.image))?;
    let top = source
        .manifest(None)
        .context("Error retrieving manifest for image")?;
    if args.raw && !args.config {
        return Ok(top.bytes);
    }
    let image = image(&*source, &top, global).context("Error parsing manifest for image")?;
    let config = BlobStream::verified(source.blob(&image.config)?, &image.config)
        .into_bytes()
        .context("Error reading configuration blob")?;
    if args.raw {
        return Ok(config);
    }
    let config =
        ImageConfig::parse(&config).context("Error reading OCI-formatted configuration data")?;
    if args.config {
        return formatted(args, &config, || values::config(&config));
    }
    let tags = match reference {
        Reference::Docker(_) if !args.no_tags => {
            transport::list_tags(reference, access).context("Error determining repository tags")?
        }
        _ => Vec::new(),
    };
    let digest = match args.manifest_digest {
        Some(algorithm) => algorithm.of(&top.bytes),
        None => top.digest(),
    };
    let summary = summary(reference, digest, &image, &config, tags);
    formatted(args, &summary, || values::summary(&summary))
}

/// By `--format`, else as JSON.
fn formatted(
    args: &Inspect,
    shown: &impl Serialize,
    value: impl FnOnce() -> Result<Value>,
) -> Result<Vec<u8>> {
    match args.format.as_deref() {
        Some(template) if template != "json" => {
            let text = go_template::render("skopeo inspect", template, &value()?)?;
            Ok(text.into_bytes())
        }
        _ => Ok(format!("{}\n", go_json::indented(shown)?).into_bytes()),
    }
}

fn image(source: &dyn Source, top: &RawManifest, global: &Global) -> Result<Image> {
    if !top.is_index() {
        return Image::parse(top);
    }
    let index = Index::parse(top)?;
    let platform = Platform::chosen(global);
    let chosen = index.choose(&platform);
    let digest = &chosen.context("choosing image instance")?.digest;
    let manifest = source.manifest(Some(digest))?;
    manifest.verify(digest)?;
    Image::parse(&manifest)
}

fn summary<'a>(
    reference: &Reference,
    digest: Digest,
    image: &'a Image,
    config: &'a ImageConfig,
    repo_tags: Vec<String>,
) -> Summary<'a> {
    Summary {
        name: match reference {
            Reference::Docker(name)
            | Reference::ContainersStorage {
                image: StoredImage::Name(name),
                ..
            } => name.repository(),
            _ => String::new(),
        },
        tag: None,
        digest,
        repo_tags,
        created: config.created.as_deref(),
        docker_version: config.docker_version.as_deref().unwrap_or_default(),
        labels: (!config.config.labels.is_empty()).then_some(&config.config.labels),
        architecture: &config.architecture,
        os: &config.os,
        layers: image.layers.iter().map(|layer| &layer.digest).collect(),
        layers_data: image.layers.iter().map(Into::into).collect(),
        env: (!config.config.env.is_empty()).then_some(&config.config.env),
    }
}
