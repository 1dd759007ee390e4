//! The store that rpod runs containers from.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};

use super::super::layout::{Layout, REF_NAME};
use super::super::{BlobStream, Destination, Held, Layer, LayerForm, Place, Role, Source, Written};
use crate::atomic::Temporary;
use crate::bounds;
use crate::digest::Digest;
use crate::fatal::NotFound;
use crate::manifest::{DOCKER_MANIFEST, Descriptor, Image, OCI_MANIFEST, RawManifest};
use crate::reference::{Name, StoredImage};
use crate::signature::{Signature, read_numbered, remove_numbered, write_numbered};
use crate::store::{Flusher, Layers, Staged, Store, import_lock, name_image};

#[derive(Debug)]
pub struct StorageSource {
    store: Store,
    images: Layout,
    top: Descriptor,
    /// Against a sweep while the image is read.
    _lock: File,
}

impl StorageSource {
    pub fn open(store: &Store, image: &StoredImage) -> Result<Self> {
        let missing = || {
            NotFound(format!(
                "reference \"{image}\" does not resolve to an image ID: it is not in the store {}",
                store.images_path().display()
            ))
        };
        if !store.images_path().exists() {
            return Err(missing().into());
        }
        let lock = import_lock(&store.images_path())?;
        let images = store.images();
        let top = find(&images, image).map_err(|error| match error.is::<NotFound>() {
            true => missing().into(),
            false => error,
        })?;
        Ok(Self {
            store: store.clone(),
            images,
            top,
            _lock: lock,
        })
    }
}

fn find(images: &Layout, image: &StoredImage) -> Result<Descriptor> {
    let named = |name: &Name| images.find(Some(&name.to_string()));
    match image {
        StoredImage::Name(name) => named(name),
        StoredImage::Id(id) => find_id(images, id, |_| true),
        StoredImage::NamedId(name, id) => find_id(images, id, |image| {
            let known = image.annotations.get(REF_NAME);
            known.is_some_and(|known| name.shares_repository(known))
        }),
        StoredImage::Either(name, digits) => match find_id(images, digits, |_| true) {
            Err(error) if error.is::<NotFound>() => named(name),
            found => found,
        },
    }
}

/// The one image whose configuration's digest begins like this, by a name that will do.
fn find_id(images: &Layout, id: &str, will_do: impl Fn(&Descriptor) -> bool) -> Result<Descriptor> {
    let mut found: Option<Descriptor> = None;
    for descriptor in images.index()?.manifests {
        let manifest = images.manifest(&descriptor.digest, Some(&descriptor.media_type))?;
        // A manifest list has no configuration.
        if !config_of(&manifest).is_ok_and(|config| config.hex().starts_with(id)) {
            continue;
        }
        match &found {
            Some(other) if other.digest != descriptor.digest => {
                bail!("several images have IDs that begin with {id}: give more digits")
            }
            None if will_do(&descriptor) => found = Some(descriptor),
            _ => {}
        }
    }
    found.ok_or_else(|| NotFound(format!("no image has the ID {id}")).into())
}

fn config_of(manifest: &RawManifest) -> Result<Digest> {
    Ok(Image::parse(manifest)?.config.digest)
}

impl Source for StorageSource {
    fn manifest(&self, instance: Option<&Digest>) -> Result<RawManifest> {
        match instance {
            Some(digest) => self.images.manifest(digest, None),
            None => self
                .images
                .manifest(&self.top.digest, Some(&self.top.media_type)),
        }
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.images.open_blob(&descriptor.digest)?))
    }

    fn signatures(&self, instance: Option<&Digest>) -> Result<Vec<Signature>> {
        let manifest = instance.unwrap_or(&self.top.digest);
        read_numbered(|number| self.store.signature_path(manifest, number))
    }
}

/// Writes blobs to the layout and, in the same pass, unpacks layers.
#[derive(Debug)]
pub struct StorageDestination {
    store: Store,
    images: Layout,
    layers: Layers,
    name: StoredImage,
    image: Mutex<Incoming>,
    flusher: Flusher,
    /// Against a sweep until the image has its name.
    _lock: File,
}

/// What has come of the image so far.
#[derive(Debug, Default)]
struct Incoming {
    /// By index.
    chain_ids: BTreeMap<usize, Digest>,
    /// Layers that need what is below them, by index.
    waiting: BTreeMap<usize, Staged>,
    top: Option<(Descriptor, Option<Digest>)>,
}

impl StorageDestination {
    pub fn create(store: &Store, image: &StoredImage) -> Result<Self> {
        store.create()?;
        let lock = import_lock(&store.images_path())?;
        let layers = store.layers();
        layers.create()?;
        Ok(Self {
            store: store.clone(),
            images: store.images(),
            layers,
            name: image.clone(),
            image: Mutex::default(),
            flusher: Flusher::of(&store.images_path())?,
            _lock: lock,
        })
    }

    fn incoming(&self) -> MutexGuard<'_, Incoming> {
        self.image.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The chainID of a layer that is still to be unpacked.
    fn to_unpack<'a>(&self, role: &'a Role) -> Option<(&'a Layer, &'a Digest)> {
        let Role::Layer(layer) = role else {
            return None;
        };
        let chain_id = layer.chain_id.as_ref()?;
        self.incoming()
            .chain_ids
            .insert(layer.index, chain_id.clone());
        (!self.layers.has(chain_id)).then_some((layer, chain_id))
    }

    fn place(&self, layer: &Layer, chain_id: &Digest, staged: Staged) -> Result<()> {
        if staged.stands_alone() {
            return staged.commit(&self.layers, chain_id, &[]);
        }
        self.incoming().waiting.insert(layer.index, staged);
        Ok(())
    }
}

impl Destination for StorageDestination {
    fn manifest_types(&self) -> &[&str] {
        &[OCI_MANIFEST, DOCKER_MANIFEST]
    }

    fn keeps_blobs(&self) -> bool {
        true
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

    fn has_blob(&self, blob: &Descriptor, role: &Role) -> Result<Option<Held>> {
        if !self.images.has_blob(blob) {
            return Ok(None);
        }
        if let Some((layer, chain_id)) = self.to_unpack(role) {
            let file = Box::new(self.images.open_blob(&blob.digest)?);
            let mut stream = BlobStream::verified(file, blob);
            let staged =
                self.layers
                    .unpack(&mut stream, layer.diff_id.as_ref(), bounds::chosen().layer);
            let (staged, _) = stream
                .finish_with(staged)
                .with_context(|| format!("unpacking layer {}", blob.digest))?;
            self.place(layer, chain_id, staged)?;
        }
        Ok(Some(Held::Already))
    }

    fn put_blob(
        &self,
        _blob: Option<&Descriptor>,
        role: &Role,
        mut stream: BlobStream<'_>,
    ) -> Result<Written> {
        let Some((layer, chain_id)) = self.to_unpack(role) else {
            return self.images.put_blob(stream);
        };
        let mut file = self.images.temporary_blob()?;
        let tee = Tee {
            from: &mut stream,
            to: &mut file,
            flusher: &self.flusher,
        };
        let staged = self
            .layers
            .unpack(tee, layer.diff_id.as_ref(), bounds::chosen().layer);
        if staged.is_ok() {
            // The decompressor may stop before the blob's last bytes.
            io::copy(&mut stream, &mut file)?;
        }
        let (staged, written) = stream.finish_with(staged)?;
        file.persist(&self.images.blob_path(&written.digest))?;
        self.place(layer, chain_id, staged)?;
        Ok(written)
    }

    fn put_manifest(&self, manifest: &RawManifest, place: Place<'_>) -> Result<()> {
        let descriptor = self.images.put_manifest(manifest)?;
        if let Place::Top { chosen_from } = place {
            if let Some(id) = self.name.id()
                && config_of(manifest)?.hex() != id
            {
                bail!("the image's ID is {}, not {id}", config_of(manifest)?.hex());
            }
            self.incoming().top = Some((descriptor, chosen_from.map(RawManifest::digest)));
        }
        Ok(())
    }

    fn takes_signatures(&self) -> Result<()> {
        Ok(())
    }

    /// They take the place of those that the image had.
    fn put_signatures(
        &self,
        signatures: &[Signature],
        manifest: &Digest,
        _place: Place<'_>,
    ) -> Result<()> {
        let path = |number| self.store.signature_path(manifest, number);
        let all: Vec<&Signature> = signatures.iter().collect();
        write_numbered(&all, path)?;
        remove_numbered(signatures.len() + 1, path)
    }

    fn commit(self: Box<Self>) -> Result<()> {
        let Incoming {
            chain_ids,
            waiting,
            top,
        } = std::mem::take(&mut *self.incoming());
        for (index, staged) in waiting {
            let below: Vec<Digest> = chain_ids
                .range(..index)
                .map(|(_, chain_id)| chain_id.clone())
                .collect();
            let chain_id = chain_ids
                .get(&index)
                .context("a layer came without its place")?;
            staged.commit(&self.layers, chain_id, &below)?;
        }
        let Some((image, chosen_from)) = top else {
            return Ok(());
        };
        self.images.change_index(|index| match self.name.name() {
            Some(name) => name_image(index, &name.to_string(), image, chosen_from.as_ref()),
            None => {
                let known = index
                    .manifests
                    .iter()
                    .any(|other| other.digest == image.digest);
                if !known {
                    index.manifests.push(image);
                }
            }
        })
    }
}

/// Reads from one side and keeps what was read on the other.
struct Tee<'a, 'b> {
    from: &'a mut BlobStream<'b>,
    to: &'a mut Temporary,
    flusher: &'a Flusher,
}

impl Read for Tee<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(buffer)?;
        self.to.write_all(&buffer[..n])?;
        self.flusher.wrote(n);
        Ok(n)
    }
}

/// Takes the image's name out of the store; by its id, all its names. What no name needs any more is swept by rpod.
pub fn delete(store: &Store, image: &StoredImage) -> Result<()> {
    let images = store.images();
    let top = find(&images, image)?;
    let by_name = image.name().map(Name::to_string);
    let by_name = by_name.filter(|name| top.annotations.get(REF_NAME) == Some(name));
    images.change_index(|index| {
        index.manifests.retain(|other| match &by_name {
            Some(name) => other.annotations.get(REF_NAME) != Some(name),
            None => other.digest != top.digest,
        });
    })
}
