//! Writing an image into podman's store: layers are unpacked beside their places as they come, and moved in at the end.

use std::collections::BTreeMap;
use std::io::{BufWriter, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};

use super::super::{BlobStream, Destination, Held, LayerForm, Place, Role, Written};
use crate::bounds;
use crate::compression;
use crate::digest::Digest;
use crate::manifest::{DOCKER_MANIFEST, Descriptor, Image, ImageConfig, OCI_MANIFEST, RawManifest};
use crate::podman_store::{
    self, Images, Incoming, LayerTable, MANIFEST, Metadata, NewImage, PodmanStore, manifest_key,
    signature_key,
};
use crate::reference::{Name, StoredImage};
use crate::signature::Signature;
use crate::store::Layers;
use crate::tar_split::Recorder;

#[derive(Debug)]
pub struct PodmanDestination {
    store: PodmanStore,
    arriving: Layers,
    name: StoredImage,
    /// Layers that are there, by chainID.
    known: BTreeMap<Digest, String>,
    image: Mutex<Arrived>,
}

/// What has come of the image so far.
#[derive(Debug, Default)]
struct Arrived {
    /// By index.
    layers: BTreeMap<usize, Came>,
    config: Vec<u8>,
    /// The image's own manifest.
    top: Option<RawManifest>,
    /// The index that it was picked out of.
    index: Option<RawManifest>,
    signatures: Vec<Signature>,
}

#[derive(Debug)]
enum Came {
    /// The id of a layer that was there before.
    There(String),
    New(Box<Incoming>),
}

impl PodmanDestination {
    pub fn create(store: PodmanStore, name: &StoredImage) -> Result<Self> {
        store.create()?;
        let known = LayerTable::by_chain_id(&podman_store::layers(&store)?);
        Ok(Self {
            arriving: store.arriving(),
            store,
            name: name.clone(),
            known,
            image: Mutex::default(),
        })
    }

    fn arrived(&self) -> MutexGuard<'_, Arrived> {
        self.image.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Destination for PodmanDestination {
    fn manifest_types(&self) -> &[&str] {
        &[OCI_MANIFEST, DOCKER_MANIFEST]
    }

    fn takes_indexes(&self) -> bool {
        false
    }

    fn unpacks_layers(&self) -> bool {
        true
    }

    fn layer_form(&self) -> LayerForm {
        LayerForm::AsIs
    }

    fn begins_anew(&self) -> bool {
        true
    }

    fn has_blob(&self, _blob: &Descriptor, role: &Role) -> Result<Option<Held>> {
        let Role::Layer(layer) = role else {
            return Ok(None);
        };
        let there = layer.chain_id.as_ref().and_then(|id| self.known.get(id));
        if let Some(id) = there {
            let came = Came::There(id.clone());
            self.arrived().layers.insert(layer.index, came);
        }
        Ok(there.map(|_| Held::Already))
    }

    fn put_blob(
        &self,
        _blob: Option<&Descriptor>,
        role: &Role,
        mut stream: BlobStream<'_>,
    ) -> Result<Written> {
        let layer = match role {
            Role::Config => {
                let mut config = Vec::new();
                stream.read_to_end(&mut config)?;
                self.arrived().config = config;
                return stream.finish();
            }
            Role::Layer(layer) => layer,
        };
        let diff_id = layer.diff_id.clone().context(
            "podman's store takes container images only, and this one's config has no diffIDs",
        )?;
        let mut staged = self.arriving.stage()?;
        let mut recorder = Recorder::new(BufWriter::new(self.store.arriving_record()?));
        let (compression, reader) = compression::peek(&mut stream)?;
        let unpacked = staged.unpack(
            reader,
            Some(&diff_id),
            bounds::chosen().layer,
            Some(&mut recorder),
        );
        let ((), written) = stream.finish_with(unpacked)?;
        let (facts, record) = recorder
            .finish()
            .and_then(|(facts, record)| Ok((facts, record.into_inner()?)))
            .context("writing the record of a layer's archive")?;
        let came = Came::New(Box::new(Incoming {
            staged,
            record,
            facts,
            diff_id,
            blob: written.digest.clone(),
            blob_size: written.size,
            compression,
        }));
        self.arrived().layers.insert(layer.index, came);
        Ok(written)
    }

    fn put_manifest(&self, manifest: &RawManifest, place: Place<'_>) -> Result<()> {
        let Place::Top { chosen_from } = place else {
            bail!("podman's store takes one image at a time");
        };
        let mut arrived = self.arrived();
        arrived.top = Some(manifest.clone());
        arrived.index = chosen_from.cloned();
        Ok(())
    }

    fn takes_signatures(&self) -> Result<()> {
        Ok(())
    }

    fn put_signatures(
        &self,
        signatures: &[Signature],
        _manifest: &Digest,
        _place: Place<'_>,
    ) -> Result<()> {
        self.arrived().signatures = signatures.to_vec();
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<()> {
        let arrived = std::mem::take(&mut *self.arrived());
        let Arrived {
            layers,
            config,
            top,
            index,
            signatures,
        } = arrived;
        let Some(manifest) = top else {
            return Ok(());
        };
        let image = Image::parse(&manifest)?;
        let id = image.config.digest.hex().to_owned();
        if let Some(wanted) = self.name.id()
            && id != wanted
        {
            bail!("the image's ID is {id}, not {wanted}");
        }
        if layers.len() != image.layers.len() {
            bail!(
                "{} layers came for an image of {}",
                layers.len(),
                image.layers.len()
            );
        }
        let mut table = LayerTable::open(&self.store)?;
        let mut top = String::new();
        for came in layers.into_values() {
            top = match came {
                Came::New(incoming) => table.add(&top, *incoming)?,
                Came::There(id) if table.has(&id) => id,
                Came::There(id) => {
                    bail!("layer {id} was removed from the store during the copy: copy again")
                }
            };
        }
        let metadata = metadata(&signatures, &manifest)?;
        let new = NewImage {
            id,
            digest: manifest.digest(),
            layer: top,
            created: ImageConfig::parse(&config)?.created,
            data: data(&image, config, &manifest, index, &signatures)?,
            metadata,
            name: self.name.name().map(Name::to_string),
        };
        Images::open(&self.store)?.put(new)
    }
}

fn metadata(signatures: &[Signature], manifest: &RawManifest) -> Result<String> {
    let sizes = signatures
        .iter()
        .map(|signature| Ok(signature.to_blob()?.len()))
        .collect::<Result<Vec<usize>>>()?;
    let metadata = Metadata {
        signature_sizes: sizes.clone(),
        signatures_sizes: [(manifest.digest(), sizes)].into(),
    };
    metadata.to_json()
}

/// In the order in which containers/image writes it.
fn data(
    image: &Image,
    config: Vec<u8>,
    manifest: &RawManifest,
    index: Option<RawManifest>,
    signatures: &[Signature],
) -> Result<Vec<(String, Vec<u8>, Digest)>> {
    let digest = manifest.digest();
    let config_digest = image.config.digest.clone();
    let mut data = vec![(config_digest.to_string(), config, config_digest)];
    if let Some(index) = index {
        let digest = index.digest();
        data.push((manifest_key(&digest), index.bytes, digest));
    }
    for key in [manifest_key(&digest), MANIFEST.to_owned()] {
        data.push((key, manifest.bytes.clone(), digest.clone()));
    }
    let mut all = Vec::new();
    for signature in signatures {
        all.extend(signature.to_blob()?);
    }
    let of_all = Digest::sha256(&all);
    if !all.is_empty() {
        data.push(("signatures".to_owned(), all.clone(), of_all.clone()));
    }
    data.push((signature_key(&digest), all, of_all));
    Ok(data)
}
