//! `oci-archive:path[:image]`, an image layout in a tar file.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};

use super::layout::{LayoutIndex, MARKER};
use super::tar_file::{TarReader, TarWriter};
use super::{BlobStream, Destination, Held, LayerForm, Place, Role, Source, Written};
use crate::digest::Digest;
use crate::go_json;
use crate::manifest::{Descriptor, OCI_INDEX, OCI_MANIFEST, RawManifest};

#[derive(Debug)]
pub struct OciArchiveSource {
    tar: TarReader,
    top: Descriptor,
}

impl OciArchiveSource {
    pub fn open(path: &Path, image: Option<&str>, tmpdir: Option<&Path>) -> Result<Self> {
        let tar = TarReader::open(path, tmpdir)?;
        let top = index_of(&tar)?.find(image)?;
        Ok(Self { tar, top })
    }
}

/// What the archive at `path` holds.
pub fn index(path: &Path, tmpdir: Option<&Path>) -> Result<LayoutIndex> {
    index_of(&TarReader::open(path, tmpdir)?)
}

fn index_of(tar: &TarReader) -> Result<LayoutIndex> {
    serde_json::from_slice(&tar.small("index.json")?).context("parsing index.json in the archive")
}

impl Source for OciArchiveSource {
    fn manifest(&self, instance: Option<&Digest>) -> Result<RawManifest> {
        let (digest, media_type) = match instance {
            Some(digest) => (digest, None),
            None => (&self.top.digest, Some(self.top.media_type.as_str())),
        };
        let manifest = RawManifest::guess(self.tar.small(&member(digest))?, media_type)?;
        manifest.verify(digest)?;
        Ok(manifest)
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.tar.member(&member(&descriptor.digest))?))
    }
}

#[derive(Debug)]
pub struct OciArchiveDestination {
    image: Option<String>,
    accept_uncompressed: bool,
    archive: Mutex<Archive>,
}

#[derive(Debug)]
struct Archive {
    tar: TarWriter,
    blobs: BTreeSet<Digest>,
    top: Option<Descriptor>,
}

impl OciArchiveDestination {
    pub fn create(
        path: &Path,
        image: Option<&str>,
        tmpdir: Option<&Path>,
        accept_uncompressed: bool,
    ) -> Result<Self> {
        let mut tar = TarWriter::create(path, tmpdir)?;
        tar.directory("blobs/")?;
        tar.directory("blobs/sha256/")?;
        let archive = Archive {
            tar,
            blobs: BTreeSet::new(),
            top: None,
        };
        Ok(Self {
            image: image.map(str::to_owned),
            accept_uncompressed,
            archive: Mutex::new(archive),
        })
    }

    fn archive(&self) -> MutexGuard<'_, Archive> {
        self.archive.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Destination for OciArchiveDestination {
    fn manifest_types(&self) -> &[&str] {
        &[OCI_MANIFEST, OCI_INDEX]
    }

    fn takes_what_is_asked_for(&self) -> bool {
        true
    }

    fn keeps_blobs(&self) -> bool {
        true
    }

    fn takes_indexes(&self) -> bool {
        true
    }

    fn takes_foreign_layers(&self) -> bool {
        true
    }

    fn layer_form(&self) -> LayerForm {
        if self.accept_uncompressed {
            LayerForm::AsIs
        } else {
            LayerForm::Compressed
        }
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
        blob: Option<&Descriptor>,
        _role: &Role,
        stream: BlobStream<'_>,
    ) -> Result<Written> {
        let mut archive = self.archive();
        let Archive { tar, blobs, .. } = &mut *archive;
        let told = blob.map(|blob| member(&blob.digest));
        tar.blob(stream, told.as_deref(), |written| {
            let is_new = blobs.insert(written.digest.clone());
            is_new.then(|| member(&written.digest))
        })
    }

    fn put_manifest(&self, manifest: &RawManifest, place: Place<'_>) -> Result<()> {
        let mut archive = self.archive();
        let digest = manifest.digest();
        if archive.blobs.insert(digest.clone()) {
            archive.tar.bytes(&member(&digest), &manifest.bytes)?;
        }
        if let Place::Top { .. } = place {
            let size = manifest.bytes.len() as u64;
            archive.top = Some(Descriptor::new(&manifest.media_type, digest, size));
        }
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<()> {
        let Archive { mut tar, top, .. } = self
            .archive
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let mut index = LayoutIndex::default();
        index.set(
            self.image.as_deref(),
            top.context("an archive without an image")?,
        );
        tar.bytes("index.json", go_json::compact(&index)?.as_bytes())?;
        tar.bytes("oci-layout", MARKER.as_bytes())?;
        tar.finish()
    }
}

fn member(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}
