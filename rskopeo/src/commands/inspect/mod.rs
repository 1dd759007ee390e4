//! `inspect IMAGE-NAME`: the manifest, the config, or a summary of both, with no layer read.

mod schema1;
mod values;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Serialize;

use super::parse_image;
use crate::cli::{Algorithm, Global, Inspect};
use crate::digest::Digest;
use crate::fatal;
use crate::go_json;
use crate::go_template::{self, Value};
use crate::manifest::{Descriptor, Image, ImageConfig, Index, RawManifest};
use crate::platform::Platform;
use crate::reference::{Name, Reference};
use crate::registry::Denied;
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
    /// -1 where it is not told.
    size: i64,
    /// `null` when there is none.
    annotations: Option<&'a BTreeMap<String, String>>,
}

impl<'a> From<&'a Descriptor> for LayerData<'a> {
    fn from(layer: &'a Descriptor) -> Self {
        Self {
            mime_type: &layer.media_type,
            digest: &layer.digest,
            size: layer.size.cast_signed(),
            annotations: (!layer.annotations.is_empty()).then_some(&layer.annotations),
        }
    }
}

pub fn run(global: &Global, args: &Inspect) -> Result<()> {
    let reference = parse_image(&args.image)?;
    let mut access = args.access.resolve(global)?;
    access.shared_blob_dir.clone_from(&args.shared_blob_dir);
    access.daemon_host.clone_from(&args.daemon_host);
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
    let read = Read::of(&*source, &top, global)?;
    if args.raw {
        return Ok(read.raw_config().to_vec());
    }
    let config = read.config()?;
    if args.config {
        return formatted(args, &config, || values::config(&config));
    }
    let tags = match reference {
        Reference::Docker(_) if !args.no_tags => {
            let listed = source.tags();
            tags(listed.unwrap_or_else(|| transport::list_tags(reference, access)))?
        }
        _ => Vec::new(),
    };
    let algorithm = args.manifest_digest.unwrap_or_else(|| read.algorithm());
    let digest = algorithm.of(&top.digested());
    let summary = read.complete(summary(reference, digest, &config, tags));
    formatted(args, &summary, || values::summary(&summary))
}

/// Some registries tell of an image, and not of its repository's tags.
fn tags(listed: Result<Vec<String>>) -> Result<Vec<String>> {
    match listed {
        Err(error) if error.chain().any(|cause| cause.is::<Denied>()) => {
            fatal::warn("Registry disallows tag list retrieval; skipping");
            Ok(Vec::new())
        }
        listed => listed.context("Error determining repository tags"),
    }
}

/// What was read of an image.
enum Read {
    Schema1(schema1::Inspected),
    Newer {
        layers: Vec<Descriptor>,
        config: Vec<u8>,
        /// Of the config's digest.
        algorithm: Algorithm,
    },
}

impl Read {
    fn of(source: &dyn Source, top: &RawManifest, global: &Global) -> Result<Self> {
        let parsing = "Error parsing manifest for image";
        if top.is_schema1() {
            return Ok(Self::Schema1(
                schema1::Inspected::read(top).context(parsing)?,
            ));
        }
        let image = image(source, top, global).context(parsing)?;
        let config = BlobStream::verified(source.blob(&image.config)?, &image.config)
            .into_bytes()
            .context("Error reading configuration blob")?;
        let algorithm = match image.config.digest.algorithm() {
            "sha512" => Algorithm::Sha512,
            _ => Algorithm::Sha256,
        };
        Ok(Self::Newer {
            layers: image.layers,
            config,
            algorithm,
        })
    }

    /// The one that the image itself uses.
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Newer { algorithm, .. } => *algorithm,
            Self::Schema1(_) => Algorithm::Sha256,
        }
    }

    fn raw_config(&self) -> &[u8] {
        match self {
            Self::Schema1(inspected) => &inspected.raw,
            Self::Newer { config, .. } => config,
        }
    }

    fn config(&self) -> Result<ImageConfig> {
        ImageConfig::parse(self.raw_config())
            .context("Error reading OCI-formatted configuration data")
    }

    /// With what the manifest tells.
    fn complete<'a>(&'a self, mut summary: Summary<'a>) -> Summary<'a> {
        match self {
            Self::Schema1(inspected) => inspected.complete(summary),
            Self::Newer { layers, .. } => {
                summary.layers = layers.iter().map(|layer| &layer.digest).collect();
                summary.layers_data = layers.iter().map(Into::into).collect();
                summary
            }
        }
    }
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
    config: &'a ImageConfig,
    repo_tags: Vec<String>,
) -> Summary<'a> {
    Summary {
        name: reference.name().map(Name::repository).unwrap_or_default(),
        tag: None,
        digest,
        repo_tags,
        created: config.created.as_deref(),
        docker_version: config.docker_version.as_deref().unwrap_or_default(),
        labels: (!config.config.labels.is_empty()).then_some(&config.config.labels),
        architecture: &config.architecture,
        os: &config.os,
        layers: Vec::new(),
        layers_data: Vec::new(),
        env: (!config.config.env.is_empty()).then_some(&config.config.env),
    }
}
