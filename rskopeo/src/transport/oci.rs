//! `oci:path[:image]`, an image layout directory.

use std::io::Read;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Result, bail};

use super::layout::Layout;
use super::{Access, BlobStream, Destination, Held, LayerForm, Place, Role, Source, Written};
use crate::digest::Digest;
use crate::manifest::{Descriptor, OCI_INDEX, OCI_MANIFEST, RawManifest};

#[derive(Debug)]
pub struct OciSource {
    layout: Layout,
    top: Descriptor,
}

impl OciSource {
    pub fn open(path: &Path, image: Option<&str>, shared_blobs: Option<&Path>) -> Result<Self> {
        let layout = Layout::at(path, shared_blobs);
        let top = layout.find(image)?;
        Ok(Self { layout, top })
    }

    /// The image that `top` describes, whether the index names it or not.
    pub fn of(path: &Path, top: Descriptor) -> Self {
        let layout = Layout::at(path, None);
        Self { layout, top }
    }
}

impl Source for OciSource {
    fn manifest(&self, instance: Option<&Digest>) -> Result<RawManifest> {
        match instance {
            Some(digest) => self.layout.manifest(digest, None),
            None => self
                .layout
                .manifest(&self.top.digest, Some(&self.top.media_type)),
        }
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.layout.open_blob(&descriptor.digest)?))
    }
}

#[derive(Debug)]
pub struct OciDestination {
    layout: Layout,
    image: Option<String>,
    accept_uncompressed: bool,
    top: Mutex<Option<Descriptor>>,
}

impl OciDestination {
    pub fn create(
        path: &Path,
        image: Option<&str>,
        shared_blobs: Option<&Path>,
        accept_uncompressed: bool,
    ) -> Result<Self> {
        if let Some(place) = image.filter(|image| image.starts_with('@')) {
            bail!("Destination reference must not contain a manifest index {place}");
        }
        let layout = Layout::at(path, shared_blobs);
        layout.create()?;
        Ok(Self {
            layout,
            image: image.map(str::to_owned),
            accept_uncompressed,
            top: Mutex::new(None),
        })
    }
}

impl Destination for OciDestination {
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

    fn has_blob(&self, blob: &Descriptor, _role: &Role) -> Result<Option<Held>> {
        Ok(self.layout.has_blob(blob).then_some(Held::Already))
    }

    fn put_blob(
        &self,
        _blob: Option<&Descriptor>,
        _role: &Role,
        stream: BlobStream<'_>,
    ) -> Result<Written> {
        self.layout.put_blob(stream)
    }

    fn put_manifest(&self, manifest: &RawManifest, place: Place<'_>) -> Result<()> {
        let descriptor = self.layout.put_manifest(manifest)?;
        if let Place::Top { .. } = place {
            *self
                .top
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(descriptor);
        }
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<()> {
        match self
            .top
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
        {
            Some(top) => self
                .layout
                .change_index(|index| index.set(self.image.as_deref(), top)),
            None => Ok(()),
        }
    }
}

/// Takes the image's name out of the index, and removes the blobs that no other image has. Shared blobs stay.
pub fn delete(path: &Path, image: Option<&str>, access: &Access) -> Result<()> {
    let layout = Layout::at(path, access.shared_blob_dir.as_deref());
    layout.remove(image)
}
