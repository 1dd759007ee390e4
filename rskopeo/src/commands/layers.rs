//! `layers IMAGE-NAME [LAYER…]`: blobs into a new directory `layers-…`, in the form of dir:.

use std::env;

use anyhow::{Context, Result, bail};

use crate::cli::{Global, LAYERS_IS_DEPRECATED, Layers};
use crate::digest::Digest;
use crate::manifest::{Descriptor, Image, Index};
use crate::platform::Platform;
use crate::reference::Reference;
use crate::retry::retrying;
use crate::terminal;
use crate::transport::{self, BlobStream, Layer, Place, Role, Writing};

pub fn run(global: &Global, args: &Layers) -> Result<()> {
    terminal::complain(LAYERS_IS_DEPRECATED);
    retrying(&args.retry, || get(global, args))
}

fn get(global: &Global, args: &Layers) -> Result<()> {
    let reference = super::parse_image(&args.image)?;
    let mut access = args.access.resolve(global)?;
    access.daemon_host.clone_from(&args.daemon_host);
    let source = transport::open_lifted(&reference, &access)?;
    let mut manifest = source.manifest(None)?;
    if manifest.is_index() {
        let index = Index::parse(&manifest)?;
        let digest = index.choose(&Platform::chosen(global))?.digest.clone();
        manifest = source.manifest(Some(&digest))?;
        manifest.verify(&digest)?;
    }
    let image = Image::parse(&manifest)?;
    let wanted = wanted(&image, &args.layers)?;

    let directory = tempfile::Builder::new()
        .prefix("layers-")
        .tempdir_in(env::current_dir()?)
        .context("creating a directory for the layers")?;
    let to = Reference::Dir {
        path: directory.path().to_owned(),
    };
    let place = transport::open_destination(&to, &access, &Writing::default())?;
    for (index, blob) in wanted.into_iter().enumerate() {
        let role = Role::Layer(Layer {
            index,
            diff_id: None,
            chain_id: None,
        });
        let stream = BlobStream::verified(source.blob(blob)?, blob);
        place
            .put_blob(Some(blob), &role, stream)
            .with_context(|| format!("copying blob {}", blob.digest))?;
    }
    place.put_manifest(&manifest, Place::Top { chosen_from: None })?;
    place.commit()?;
    let _kept = directory.keep();
    Ok(())
}

/// The blobs that are asked for; without any, all layers and the config.
fn wanted<'a>(image: &'a Image, layers: &[String]) -> Result<Vec<&'a Descriptor>> {
    if layers.is_empty() {
        let mut all: Vec<&Descriptor> = image.layers.iter().collect();
        all.push(&image.config);
        return Ok(all);
    }
    layers
        .iter()
        .map(|layer| {
            let text = match layer.contains(':') {
                true => layer.clone(),
                false => format!("sha256:{layer}"),
            };
            let digest: Digest = text
                .parse()
                .with_context(|| format!("Invalid layer digest {layer:?}"))?;
            let mut known = image.layers.iter().chain([&image.config]);
            match known.find(|blob| blob.digest == digest) {
                Some(blob) => Ok(blob),
                None => bail!("the image has no layer {digest}"),
            }
        })
        .collect()
}
