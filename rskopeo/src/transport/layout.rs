//! An OCI image layout on disk (image-spec image-layout.md): `oci-layout`, `index.json`, `blobs/<algorithm>/<hex>`.
//!
//! Blobs are written under a temporary name and renamed, so that a file in `blobs/` is always whole; `index.json` is changed
//! last, under a lock, so that a name in it is always complete.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::{BlobStream, Written};
use crate::atomic;
use crate::bounds;
use crate::digest::Digest;
use crate::fatal::NotFound;
use crate::go_json;
use crate::manifest::{Descriptor, Image, Index, OCI_INDEX, RawManifest, Schema1};

/// The annotation that names an image in `index.json`.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// A store whose directory is locked for other reasons has this file beside `index.json`.
pub const INDEX_LOCK: &str = "index.lock";

/// The content of `oci-layout`.
pub const MARKER: &str = r#"{"imageLayoutVersion": "1.0.0"}"#;

/// `index.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayoutIndex {
    pub schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    #[serde(default)]
    pub manifests: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub annotations: std::collections::BTreeMap<String, String>,
}

/// One layout directory.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
    /// `--src-shared-blob-dir`, `--dest-shared-blob-dir`: in the place of `blobs/`.
    blobs: PathBuf,
}

impl Layout {
    pub fn at(root: &Path, shared_blobs: Option<&Path>) -> Self {
        let blobs = shared_blobs.map_or_else(|| root.join("blobs"), Path::to_owned);
        Self {
            root: root.to_owned(),
            blobs,
        }
    }

    /// Makes the directories and `oci-layout` if missing.
    pub fn create(&self) -> Result<()> {
        let blobs = self.blobs.join("sha256");
        fs::create_dir_all(&blobs).with_context(|| format!("creating {}", blobs.display()))?;
        fs::create_dir_all(&self.root)
            .with_context(|| format!("creating {}", self.root.display()))?;
        let marker = self.root.join("oci-layout");
        if !marker.exists() {
            atomic::write(&marker, MARKER.as_bytes())?;
        }
        Ok(())
    }

    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.blobs.join(digest.algorithm()).join(digest.hex())
    }

    pub fn index(&self) -> Result<LayoutIndex> {
        let path = self.root.join("index.json");
        let bytes = fs::read(&path).with_context(|| format!("open {}", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("parsing {}", path.display()))
    }

    /// The descriptor named `image`, or the only one.
    pub fn find(&self, image: Option<&str>) -> Result<Descriptor> {
        self.index()?.find(image)
    }

    /// A manifest of at most [`bounds::max_manifest`] bytes, checked against its digest.
    pub fn manifest(&self, digest: &Digest, media_type: Option<&str>) -> Result<RawManifest> {
        let path = self.blob_path(digest);
        let bytes = bounds::read_file(&path)?;
        let manifest = RawManifest::guess(bytes, media_type)?;
        manifest.verify(digest)?;
        Ok(manifest)
    }

    pub fn open_blob(&self, digest: &Digest) -> Result<File> {
        let path = self.blob_path(digest);
        File::open(&path).with_context(|| format!("open {}", path.display()))
    }

    /// True if a blob of this digest and size is there; it was checked when it got its name.
    pub fn has_blob(&self, blob: &Descriptor) -> bool {
        fs::metadata(self.blob_path(&blob.digest))
            .is_ok_and(|meta| meta.is_file() && meta.len() == blob.size)
    }

    /// Writes a blob in one pass.
    pub fn put_blob(&self, stream: BlobStream<'_>) -> Result<Written> {
        let mut temporary = self.temporary_blob()?;
        let written = stream.write_to(&mut temporary)?;
        let path = self.blob_path(&written.digest);
        // The directory of sha256 is there; that of another algorithm may not be.
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)
                .with_context(|| format!("creating {}", directory.display()))?;
        }
        temporary.persist(&path)?;
        Ok(written)
    }

    /// A file that may become a blob.
    pub fn temporary_blob(&self) -> Result<atomic::Temporary> {
        atomic::Temporary::in_directory(&self.blobs.join("sha256"))
    }

    pub fn put_manifest(&self, manifest: &RawManifest) -> Result<Descriptor> {
        let digest = manifest.digest();
        atomic::write(&self.blob_path(&digest), &manifest.bytes)?;
        Ok(manifest.descriptor())
    }

    /// The lock for changes of `index.json`: the file [`INDEX_LOCK`] in a layout that has one, else the directory itself.
    fn lock_index(&self) -> Result<File> {
        let file = self.root.join(INDEX_LOCK);
        let path = if file.exists() { &file } else { &self.root };
        let lock = File::open(path).with_context(|| format!("open {}", path.display()))?;
        lock.lock()
            .with_context(|| format!("locking {}", path.display()))?;
        Ok(lock)
    }

    /// Reads, changes and replaces `index.json`, alone among all who do it through here.
    pub fn change_index(&self, change: impl FnOnce(&mut LayoutIndex)) -> Result<()> {
        let _lock = self.lock_index()?;
        let path = self.root.join("index.json");
        let mut index = match path.exists() {
            true => self.index()?,
            false => LayoutIndex::default(),
        };
        change(&mut index);
        if index.media_type.as_deref() != Some(OCI_INDEX) {
            index.media_type = None;
        }
        atomic::write(&path, go_json::compact(&index)?.as_bytes())
    }
}

impl Layout {
    /// Takes an image out of the index, and removes the blobs that nothing in the index needs any more.
    pub fn remove(&self, image: Option<&str>) -> Result<()> {
        let removed = self.find(image)?;
        let mut gone = self.reachable(&removed)?;
        self.change_index(|index| {
            index.manifests.retain(|other| {
                other.digest != removed.digest
                    || other.annotations.get(REF_NAME) != removed.annotations.get(REF_NAME)
            });
        })?;
        if self.blobs != self.root.join("blobs") {
            return Ok(());
        }
        for other in &self.index()?.manifests {
            for needed in self.reachable(other)? {
                gone.remove(&needed);
            }
        }
        for digest in gone {
            let path = self.blob_path(&digest);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("removing {}", path.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// All blobs that belong to a manifest or index, itself included.
    fn reachable(&self, top: &Descriptor) -> Result<BTreeSet<Digest>> {
        let mut found = BTreeSet::new();
        let mut waiting = vec![top.digest.clone()];
        while let Some(digest) = waiting.pop() {
            if !found.insert(digest.clone()) || !self.blob_path(&digest).exists() {
                continue;
            }
            let manifest = self.manifest(&digest, None)?;
            if manifest.is_index() {
                waiting.extend(Index::parse(&manifest)?.digests().cloned());
                continue;
            }
            if manifest.is_schema1() {
                found.extend(Schema1::parse(&manifest)?.layers().cloned());
                continue;
            }
            let image = Image::parse(&manifest)?;
            found.extend(image.layers.into_iter().map(|layer| layer.digest));
            found.insert(image.config.digest);
        }
        Ok(found)
    }
}

impl Default for LayoutIndex {
    fn default() -> Self {
        Self {
            schema_version: 2,
            media_type: None,
            manifests: Vec::new(),
            annotations: Default::default(),
        }
    }
}

impl LayoutIndex {
    /// The descriptor named `image`, at the place `@n`, or the only one.
    pub fn find(mut self, image: Option<&str>) -> Result<Descriptor> {
        let place = image.and_then(|image| image.strip_prefix('@')?.parse().ok());
        match (image, place) {
            (_, Some(place)) => {
                let count = self.manifests.len();
                let found: Option<Descriptor> = self.manifests.into_iter().nth(place);
                found.with_context(|| {
                    format!("index {place} is too large, only {count} entries available")
                })
            }
            (Some(image), None) => self
                .manifests
                .into_iter()
                .find(|descriptor| {
                    descriptor
                        .annotations
                        .get(REF_NAME)
                        .is_some_and(|name| name == image)
                })
                .ok_or_else(|| {
                    NotFound(format!("no descriptor found for reference {image:?}")).into()
                }),
            (None, None) if self.manifests.len() == 1 => Ok(self.manifests.remove(0)),
            (None, None) => bail!("more than one image in oci, choose an image"),
        }
    }

    /// The names of its images; one without a name has none.
    pub fn names(&self) -> Vec<String> {
        let names = self
            .manifests
            .iter()
            .filter_map(|descriptor| descriptor.annotations.get(REF_NAME));
        names.cloned().collect()
    }

    /// Lets `name` stand for `descriptor` and for nothing else: what had the name stays, without it. A descriptor that is there without
    /// a name gets it.
    pub fn set(&mut self, name: Option<&str>, mut descriptor: Descriptor) {
        if let Some(name) = name {
            for other in &mut self.manifests {
                if other
                    .annotations
                    .get(REF_NAME)
                    .is_some_and(|given| given == name)
                {
                    other.annotations.remove(REF_NAME);
                }
            }
            let named = (REF_NAME.to_owned(), name.to_owned());
            descriptor.annotations.extend([named]);
        }
        let nameless = self.manifests.iter_mut().find(|other| {
            other.digest == descriptor.digest && !other.annotations.contains_key(REF_NAME)
        });
        match nameless {
            Some(nameless) => *nameless = descriptor,
            None => self.manifests.push(descriptor),
        }
    }
}
