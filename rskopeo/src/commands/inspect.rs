//! `inspect IMAGE-NAME`: the manifest, the config, or a summary of both, with no layer read.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use anyhow::{Context, Result};
use serde::Serialize;

use super::parse_image;
use crate::cli::{Global, Inspect};
use crate::digest::Digest;
use crate::go_json;
use crate::manifest::{Image, ImageConfig, Index, RawManifest};
use crate::platform::Platform;
use crate::reference::{Reference, StoredImage};
use crate::transport::{self, BlobStream, Source};

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
    env: Option<&'a [String]>,
}

pub fn run(global: &Global, args: &Inspect) -> Result<()> {
    let reference = parse_image(&args.image)?;
    let mut access = args.access.resolve(global)?;
    access.shared_blob_dir.clone_from(&args.shared_blob_dir);
    let source = transport::open_source(&reference, &access)
        .with_context(|| format!("Error parsing image name {:?}", args.image))?;
    let top = source
        .manifest(None)
        .context("Error retrieving manifest for image")?;
    if args.raw && !args.config {
        return print(&top.bytes);
    }
    let image = image(&*source, &top, global).context("Error parsing manifest for image")?;
    let config = config(&*source, &image).context("Error reading configuration blob")?;
    if args.raw {
        return print(&config);
    }
    let config =
        ImageConfig::parse(&config).context("Error reading OCI-formatted configuration data")?;
    if args.config {
        return print(format!("{}\n", go_json::indented(&config)?).as_bytes());
    }
    let tags = match &reference {
        Reference::Docker(_) if !args.no_tags => transport::list_tags(&reference, &access)
            .context("Error determining repository tags")?,
        _ => Vec::new(),
    };
    let summary = summary(&reference, &top, &image, &config, tags);
    print(format!("{}\n", go_json::indented(&summary)?).as_bytes())
}

fn image(source: &dyn Source, top: &RawManifest, global: &Global) -> Result<Image> {
    if !top.is_index() {
        return Image::parse(top);
    }
    let index = Index::parse(top)?;
    let digest = &index.choose(&Platform::chosen(global))?.digest;
    let manifest = source.manifest(Some(digest))?;
    manifest.verify(digest)?;
    Image::parse(&manifest)
}

fn config(source: &dyn Source, image: &Image) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    BlobStream::verified(source.blob(&image.config)?, &image.config).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn summary<'a>(
    reference: &Reference,
    top: &RawManifest,
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
        digest: top.digest(),
        repo_tags,
        created: config.created.as_deref(),
        docker_version: config.docker_version.as_deref().unwrap_or_default(),
        labels: (!config.config.labels.is_empty()).then_some(&config.config.labels),
        architecture: &config.architecture,
        os: &config.os,
        layers: image.layers.iter().map(|layer| &layer.digest).collect(),
        env: (!config.config.env.is_empty()).then_some(&config.config.env),
    }
}

fn print(bytes: &[u8]) -> Result<()> {
    io::stdout()
        .lock()
        .write_all(bytes)
        .context("Error writing to standard output")
}
