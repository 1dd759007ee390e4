//! `dir:path`: `version`, `manifest.json` and one file a blob, named by its hexadecimal digest.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

use super::{BlobStream, Destination, Held, LayerForm, Place, Role, Source, Written};
use crate::atomic;
use crate::bounds;
use crate::digest::Digest;
use crate::manifest::{Descriptor, RawManifest};
use crate::signature::{Signature, read_numbered, write_numbered};

const VERSION: &str = "Directory Transport Version: 1.1\n";

#[derive(Debug)]
pub struct DirSource {
    path: PathBuf,
}

impl DirSource {
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }
}

impl Source for DirSource {
    fn manifest(&self, instance: Option<&Digest>) -> Result<RawManifest> {
        let path = self.path.join(manifest_name(instance));
        let bytes = bounds::read_file(&path)?;
        RawManifest::guess(bytes, None).with_context(|| format!("reading {}", path.display()))
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send>> {
        let path = self.path.join(descriptor.digest.hex());
        Ok(Box::new(
            File::open(&path).with_context(|| format!("open {}", path.display()))?,
        ))
    }

    fn signatures(&self, instance: Option<&Digest>) -> Result<Vec<Signature>> {
        read_numbered(|number| self.path.join(signature_name(instance, number)))
    }
}

#[derive(Debug)]
pub struct DirDestination {
    path: PathBuf,
    form: LayerForm,
    /// Written by `commit`, so that a directory with a manifest.json is whole.
    top: Mutex<Option<Vec<u8>>>,
}

impl DirDestination {
    /// Takes an empty directory, a new one, or one that this transport wrote before, which it empties.
    pub fn create(path: &Path, form: LayerForm) -> Result<Self> {
        match fs::read_dir(path) {
            Ok(entries) => {
                if entries.count() > 0 {
                    empty(path)?;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(path).with_context(|| format!("creating {}", path.display()))?;
            }
            Err(error) => return Err(error).with_context(|| format!("open {}", path.display())),
        }
        atomic::write(&path.join("version"), VERSION.as_bytes())?;
        Ok(Self {
            path: path.to_owned(),
            form,
            top: Mutex::new(None),
        })
    }
}

/// Removes what an earlier copy left, manifest.json first so that the rest is never taken for whole.
/// A directory that is not this transport's is refused.
fn empty(path: &Path) -> Result<()> {
    let version = fs::read_to_string(path.join("version")).unwrap_or_default();
    if !version.starts_with("Directory Transport Version: ") {
        bail!("not a containers image directory, don't want to overwrite important data");
    }
    let manifest = path.join("manifest.json");
    if manifest.exists() {
        fs::remove_file(&manifest).with_context(|| format!("removing {}", manifest.display()))?;
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?.path();
        if entry.is_file() {
            fs::remove_file(&entry).with_context(|| format!("removing {}", entry.display()))?;
        }
    }
    Ok(())
}

impl Destination for DirDestination {
    fn manifest_types(&self) -> &[&str] {
        &[]
    }

    fn keeps_blobs(&self) -> bool {
        true
    }

    fn takes_indexes(&self) -> bool {
        true
    }

    fn layer_form(&self) -> LayerForm {
        self.form
    }

    fn begins_anew(&self) -> bool {
        true
    }

    fn has_blob(&self, blob: &Descriptor, _role: &Role) -> Result<Option<Held>> {
        let has = fs::metadata(self.path.join(blob.digest.hex()))
            .is_ok_and(|meta| meta.len() == blob.size);
        Ok(has.then_some(Held::Already))
    }

    fn put_blob(
        &self,
        _blob: Option<&Descriptor>,
        _role: &Role,
        stream: BlobStream<'_>,
    ) -> Result<Written> {
        let mut temporary = atomic::Temporary::in_directory(&self.path)?;
        let written = stream.write_to(&mut temporary)?;
        temporary.persist(&self.path.join(written.digest.hex()))?;
        Ok(written)
    }

    fn put_manifest(&self, manifest: &RawManifest, place: Place<'_>) -> Result<()> {
        match place {
            Place::Instance => atomic::write(
                &self.path.join(manifest_name(Some(&manifest.digest()))),
                &manifest.bytes,
            ),
            Place::Top { .. } => {
                *self
                    .top
                    .lock()
                    .unwrap_or_else(|poisoned| poisoned.into_inner()) =
                    Some(manifest.bytes.clone());
                Ok(())
            }
        }
    }

    fn takes_signatures(&self) -> Result<()> {
        Ok(())
    }

    fn put_signatures(
        &self,
        signatures: &[Signature],
        manifest: &Digest,
        place: Place<'_>,
    ) -> Result<()> {
        let instance = match place {
            Place::Instance => Some(manifest),
            Place::Top { .. } => None,
        };
        let all: Vec<&Signature> = signatures.iter().collect();
        write_numbered(&all, |number| {
            self.path.join(signature_name(instance, number))
        })
    }

    fn commit(self: Box<Self>) -> Result<()> {
        match self
            .top
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
        {
            Some(manifest) => atomic::write(&self.path.join("manifest.json"), &manifest),
            None => Ok(()),
        }
    }
}

fn manifest_name(instance: Option<&Digest>) -> String {
    match instance {
        Some(digest) => format!("{}.manifest.json", digest.hex()),
        None => "manifest.json".to_owned(),
    }
}

fn signature_name(instance: Option<&Digest>, number: usize) -> String {
    match instance {
        Some(digest) => format!("{}-signature-{number}", digest.hex()),
        None => format!("signature-{number}"),
    }
}
