//! A list goes somewhere, with its images: podman-manifest-push(1).
//!
//! A directory for the time being is an OCI layout that shares the store's blobs. Images that the store has not are copied into it
//! first; then rskopeo copies the list with all of them, converts, compresses and signs on the way.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::transfer::destination;
use super::super::{Access, Writing, manifest};
use super::List;
use super::variants::{self, Compressions};
use crate::engine::container::create::lock_images;
use crate::engine::copier::{rskopeo, run};
use crate::engine::layout::Layout;
use crate::engine::{Context, event};
use crate::store::id;

const NAME: &str = "list";

/// Pushes the list; without `all` the list alone, for a place that has its images.
pub fn push(
    ctx: &Context,
    list: &List,
    to: &str,
    all: bool,
    access: &Access,
    writing: &Writing,
    added: &[String],
) -> Result<()> {
    let destination = destination(to)?;
    // Nothing that is fetched here may be swept.
    let _images = lock_images(ctx)?;
    let layout = Pushed::new(ctx, list)?;
    let mut writing = writing.clone();
    if all {
        for instance in list.instances() {
            let digest = instance["digest"].as_str().unwrap_or_default();
            if manifest::blob(&ctx.store, digest)?.exists() {
                continue;
            }
            let Some(source) = list.sources.get(digest) else {
                bail!(
                    "image {digest} of manifest list {} is not in the store any more: remove it from the list, or pull it again",
                    list.id
                );
            };
            layout.fetch(ctx, source, digest, access)?;
        }
    }
    if !added.is_empty() {
        let asked = Compressions {
            own: writing
                .compression_format
                .take()
                .map(|format| (format, writing.compression_level)),
            added: added.to_vec(),
        };
        writing.force_compression = false;
        let (value, digest, size) = variants::add(ctx, &layout, &list.value, &asked, access.quiet)?;
        let entry = json!({ "mediaType": value["mediaType"], "digest": digest, "size": size });
        write(&layout.0, &entry, NAME)?;
    }
    // Waiting longer each time: podman has no option for it here.
    let patient = Access {
        retry: access.retry.or(Some(3)),
        ..access.clone()
    };
    let mut command = rskopeo()?;
    command.args([
        "copy",
        "--multi-arch",
        if all { "all" } else { "index-only" },
    ]);
    command
        .args(patient.options("dest"))
        .args(writing.options())
        .arg("--src-shared-blob-dir")
        .arg(ctx.store.images().join("blobs"))
        .arg(format!("oci:{}:{NAME}", layout.0.display()))
        .arg(&destination);
    run(command, access.quiet)
        .with_context(|| format!("pushing manifest list {} to {destination}", list.id))?;
    event::list_pushed(ctx, &list.id, &destination);
    Ok(())
}

/// An OCI layout without blobs of its own, gone with the value.
pub(super) struct Pushed(PathBuf);

impl Pushed {
    fn new(ctx: &Context, list: &List) -> Result<Pushed> {
        let path = ctx.store.root.join(format!(".tmp-push-{}", id::new()?));
        fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        let layout = Pushed(path);
        let entry = json!({ "mediaType": list.value["mediaType"], "digest": list.digest, "size": list.size(&ctx.store)? });
        write(&layout.0, &entry, NAME)?;
        Ok(layout)
    }

    /// A layout within, of one image of the list, under the name `one`.
    pub(super) fn of(&self, instance: &Value) -> Result<PathBuf> {
        let path = self.0.join("one");
        let entry = json!({ "mediaType": instance["mediaType"], "digest": instance["digest"], "size": instance["size"] });
        make(&path)?;
        write(&path, &entry, "one")?;
        Ok(path)
    }

    /// A place within for another one.
    pub(super) fn empty(&self) -> Result<PathBuf> {
        let path = self.0.join("made");
        if path.exists() {
            fs::remove_dir_all(&path).with_context(|| format!("removing {}", path.display()))?;
        }
        make(&path)?;
        Ok(path)
    }

    /// What was written there.
    pub(super) fn only_entry(layout: &Path) -> Result<Value> {
        let path = layout.join("index.json");
        let reading = || format!("reading {}", path.display());
        let index: Value = serde_json::from_slice(&fs::read(&path).with_context(reading)?)?;
        Ok(index["manifests"][0].clone())
    }

    /// Takes an image in, byte for byte: by way of a directory, because a layout takes no manifests of Docker's.
    fn fetch(&self, ctx: &Context, source: &str, digest: &str, access: &Access) -> Result<()> {
        let directory = self.0.join("instance");
        let mut to = OsString::from("dir:");
        to.push(&directory);
        let mut command = rskopeo()?;
        command
            .args(["copy", "--preserve-digests"])
            .args(access.options("src"))
            .arg(source)
            .arg(to);
        run(command, access.quiet).with_context(|| format!("fetching {source} to push it"))?;
        let blobs = Layout::images(&ctx.store).blobs();
        let manifest = directory.join("manifest.json");
        let found =
            fs::read(&manifest).with_context(|| format!("reading {}", manifest.display()))?;
        let hex: String = Sha256::digest(&found)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        if format!("sha256:{hex}") != digest {
            bail!("{source} is not {digest} but sha256:{hex}");
        }
        let mut files = vec![];
        let listing = || format!("listing {}", directory.display());
        for entry in fs::read_dir(&directory).with_context(listing)? {
            let entry = entry.with_context(listing)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if id::is_whole(&name) {
                files.push((entry.path(), blobs.join(name)));
            }
        }
        // Last, for it says that the others are there.
        files.push((manifest, blobs.join(hex)));
        for (from, to) in files {
            let context = || format!("moving {} to {}", from.display(), to.display());
            File::open(&from)
                .and_then(|file| file.sync_all())
                .and_then(|()| fs::rename(&from, &to))
                .with_context(context)?;
        }
        Ok(())
    }
}

fn make(layout: &Path) -> Result<()> {
    fs::create_dir_all(layout).with_context(|| format!("making {}", layout.display()))
}

/// The files of a layout that has one entry.
fn write(layout: &Path, entry: &Value, name: &str) -> Result<()> {
    let mut entry = entry.clone();
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
    let index = json!({ "schemaVersion": 2, "manifests": [entry] });
    let version = json!({ "imageLayoutVersion": "1.0.0" });
    for (name, text) in [("oci-layout", version), ("index.json", index)] {
        let path = layout.join(name);
        fs::write(&path, text.to_string())
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

impl Drop for Pushed {
    fn drop(&mut self) {
        // What stays has a name that says it is for the time being.
        let _ = fs::remove_dir_all(&self.0);
    }
}
