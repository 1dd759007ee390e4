//! Writing an image as a docker-archive.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};

use super::{Item, legacy};
use crate::digest::Digest;
use crate::go_json;
use crate::manifest::{DOCKER_MANIFEST, Descriptor, Image, RawManifest};
use crate::reference::{ArchiveImage, Name};
use crate::transport::tar_file::TarWriter;
use crate::transport::{BlobStream, Destination, Held, LayerForm, Place, Role, Written};

#[derive(Debug)]
pub struct DockerArchiveDestination {
    names: Vec<Name>,
    archive: Mutex<Archive>,
}

#[derive(Debug)]
struct Archive {
    tar: TarWriter,
    blobs: BTreeSet<Digest>,
    config: Vec<u8>,
    image: Option<Image>,
}

impl DockerArchiveDestination {
    pub fn create(
        path: &Path,
        image: Option<&ArchiveImage>,
        additional_tags: &[Name],
        tmpdir: Option<&Path>,
    ) -> Result<Self> {
        let name = match image {
            Some(ArchiveImage::Index(index)) => {
                bail!("Destination reference must not contain a manifest index @{index}")
            }
            Some(ArchiveImage::Tagged(name)) => Some(name),
            None => None,
        };
        if fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() > 0) {
            bail!("docker-archive doesn't support modifying existing images");
        }
        let names = name.into_iter().chain(additional_tags).cloned().collect();
        Ok(Self::of(TarWriter::create(path, tmpdir)?, names))
    }

    /// An archive of an image with these names.
    pub fn of(tar: TarWriter, names: Vec<Name>) -> Self {
        let archive = Archive {
            tar,
            blobs: BTreeSet::new(),
            config: Vec::new(),
            image: None,
        };
        Self {
            names,
            archive: Mutex::new(archive),
        }
    }

    fn archive(&self) -> MutexGuard<'_, Archive> {
        self.archive.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Destination for DockerArchiveDestination {
    fn manifest_types(&self) -> &[&str] {
        &[DOCKER_MANIFEST]
    }

    fn takes_indexes(&self) -> bool {
        false
    }

    fn layer_form(&self) -> LayerForm {
        LayerForm::Uncompressed
    }

    fn is_sequential(&self) -> bool {
        true
    }

    fn begins_anew(&self) -> bool {
        true
    }

    fn has_blob(&self, blob: &Descriptor, _role: &Role) -> Result<Option<Held>> {
        let has = self.archive().blobs.contains(&blob.digest);
        Ok(has.then_some(Held::Already))
    }

    fn put_blob(
        &self,
        _blob: Option<&Descriptor>,
        role: &Role,
        mut stream: BlobStream<'_>,
    ) -> Result<Written> {
        let mut archive = self.archive();
        let Archive {
            tar, blobs, config, ..
        } = &mut *archive;
        match role {
            Role::Config => {
                stream.read_to_end(config)?;
                let written = stream.finish()?;
                tar.bytes(&config_name(&written.digest), config)?;
                Ok(written)
            }
            Role::Layer(_) => tar.blob(stream, None, |written| {
                let is_new = blobs.insert(written.digest.clone());
                is_new.then(|| layer_name(&written.digest))
            }),
        }
    }

    fn put_manifest(&self, manifest: &RawManifest, _place: Place<'_>) -> Result<()> {
        self.archive().image = Some(Image::parse(manifest)?);
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<()> {
        let Archive {
            mut tar,
            config,
            image,
            ..
        } = self
            .archive
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let image = image.context("an archive without an image")?;
        let layers: Vec<&Digest> = image.layers.iter().map(|layer| &layer.digest).collect();
        let top = legacy::write_layers(&mut tar, &layers, &config)?;
        let item = Item {
            config: config_name(&image.config.digest),
            repo_tags: Some(self.names.iter().map(Name::to_string).collect()),
            layers: layers.into_iter().map(layer_name).collect(),
        };
        tar.bytes("manifest.json", go_json::compact(&[item])?.as_bytes())?;
        legacy::write_repositories(&mut tar, &self.names, &top)?;
        tar.finish()
    }
}

fn layer_name(digest: &Digest) -> String {
    format!("{}.tar", digest.hex())
}

fn config_name(digest: &Digest) -> String {
    format!("{}.json", digest.hex())
}
