//! Reading an image from podman's store, which has of each layer the files and what else its archive was made of.

use std::io::{Cursor, Read};

use anyhow::{Context, Result, bail};

use super::super::Source;
use crate::digest::Digest;
use crate::fatal::NotFound;
use crate::manifest::{DOCKER_LAYER, Descriptor, Format, Image, OCI_LAYER, RawManifest};
use crate::podman_store::{
    self, ImageRecord, LayerRecord, MANIFEST, Metadata, PodmanStore, manifest_key, signature_key,
};
use crate::reference::StoredImage;
use crate::signature::Signature;

#[derive(Debug)]
pub struct PodmanSource {
    /// All that layers may lie in.
    store: PodmanStore,
    /// The one that has the image.
    home: PodmanStore,
    image: ImageRecord,
    /// The base first.
    layers: Vec<LayerRecord>,
    /// A manifest's that was asked for by digest.
    asked: Option<Digest>,
}

impl PodmanSource {
    pub fn open(store: PodmanStore, wanted: &StoredImage) -> Result<Self> {
        let (home, image) = find(&store, wanted)?.ok_or_else(|| {
            NotFound(format!(
                "reference \"{wanted}\" does not resolve to an image ID: it is not in the store {}",
                store.root().display()
            ))
        })?;
        let mut all = Vec::new();
        for store in store.all() {
            all.extend(podman_store::layers(store)?);
        }
        let layers = podman_store::chain(&all, &image.layer)
            .with_context(|| format!("reading image {}", image.id))?;
        let asked = wanted.name().and_then(|name| name.digest.clone());
        Ok(Self {
            layers: layers.into_iter().cloned().collect(),
            image,
            home,
            store,
            asked,
        })
    }

    fn layer(&self, digest: &Digest) -> Option<usize> {
        self.layers
            .iter()
            .position(|layer| layer.diff_id().as_ref() == Some(digest))
    }
}

/// The first store that has the image, and what it says of it.
fn find(store: &PodmanStore, wanted: &StoredImage) -> Result<Option<(PodmanStore, ImageRecord)>> {
    for store in store.all() {
        let images = podman_store::images(store)?;
        if let Some(image) = podman_store::find(&images, wanted) {
            return Ok(Some((store.clone(), image.clone())));
        }
    }
    Ok(None)
}

impl Source for PodmanSource {
    fn manifest(&self, instance: Option<&Digest>) -> Result<RawManifest> {
        let read = |digest: &Digest| self.home.data(&self.image, &manifest_key(digest));
        let bytes = match (instance, &self.asked) {
            (Some(digest), _) => read(digest)?,
            // One that is not of the list which was asked for may be kept under the general key only.
            (None, Some(digest)) if self.image.big_data_names.contains(&manifest_key(digest)) => {
                read(digest)?
            }
            (None, _) => self.home.data(&self.image, MANIFEST)?,
        };
        RawManifest::guess(bytes, None)
    }

    /// The blobs are not there any more: what can be read is what was in them.
    fn layers_as_read(&self, image: &Image) -> Result<Option<Vec<Descriptor>>> {
        if image.layers.len() != self.layers.len() {
            bail!(
                "image {} has {} layers in the store but {} in its manifest",
                self.image.id,
                self.layers.len(),
                image.layers.len()
            );
        }
        let media_type = match image.format {
            Format::Oci => OCI_LAYER,
            _ => DOCKER_LAYER,
        };
        let as_read = |layer: &LayerRecord| {
            let diff_id = layer
                .diff_id()
                .with_context(|| format!("layer {} has no digest in the store", layer.id))?;
            let size = layer.diff_size.and_then(|size| u64::try_from(size).ok());
            let size =
                size.with_context(|| format!("layer {} has no size in the store", layer.id))?;
            Ok(Descriptor::new(media_type, diff_id, size))
        };
        self.layers
            .iter()
            .map(as_read)
            .collect::<Result<_>>()
            .map(Some)
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send>> {
        let Some(at) = self.layer(&descriptor.digest) else {
            let bytes = self.home.data(&self.image, descriptor.digest.as_str())?;
            return Ok(Box::new(Cursor::new(bytes)));
        };
        let below: Vec<LayerRecord> = self.layers[..at].iter().rev().cloned().collect();
        Ok(Box::new(self.store.assemble(&self.layers[at], &below)?))
    }

    fn signatures(&self, instance: Option<&Digest>) -> Result<Vec<Signature>> {
        let metadata = Metadata::parse(&self.image.metadata)?;
        let (sizes, key) = match instance {
            Some(digest) => (metadata.of(digest), signature_key(digest)),
            None => (metadata.signature_sizes.as_slice(), "signatures".to_owned()),
        };
        let (sizes, key) = match (sizes, instance) {
            // Where the manifest's own digest is all that they were noted by.
            ([], None) => {
                let digest = self.manifest(None)?.digest();
                (metadata.of(&digest), signature_key(&digest))
            }
            known => (known.0, key),
        };
        if sizes.is_empty() {
            return Ok(Vec::new());
        }
        let all = self.home.data(&self.image, &key)?;
        let mut rest = all.as_slice();
        let mut signatures = Vec::new();
        for size in sizes {
            let Some((one, after)) = rest.split_at_checked(*size) else {
                bail!(
                    "{key} of image {} is shorter than its signatures",
                    self.image.id
                );
            };
            signatures.push(Signature::from_blob(one.to_vec())?);
            rest = after;
        }
        if !rest.is_empty() {
            bail!(
                "{key} of image {} is longer than its signatures",
                self.image.id
            );
        }
        Ok(signatures)
    }
}
