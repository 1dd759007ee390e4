//! A list goes somewhere, with its images: podman-manifest-push(1).
//!
//! A directory for the time being is an OCI layout that shares the store's blobs. Images that the store has not are copied into it
//! first; then rskopeo copies the list with all of them, converts, compresses and signs on the way.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::super::transfer::destination;
use super::super::{Access, Writing, manifest};
use super::List;
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
) -> Result<()> {
    let destination = destination(to)?;
    // Nothing that is fetched here may be swept.
    let _images = lock_images(ctx)?;
    let layout = Pushed::new(ctx, list)?;
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
    let mut command = rskopeo()?;
    command.args([
        "copy",
        "--multi-arch",
        if all { "all" } else { "index-only" },
    ]);
    command
        .args(access.options("dest"))
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
struct Pushed(PathBuf);

impl Pushed {
    fn new(ctx: &Context, list: &List) -> Result<Pushed> {
        let path = ctx.store.root.join(format!(".tmp-push-{}", id::new()?));
        fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        let layout = Pushed(path);
        let index = json!({
            "schemaVersion": 2,
            "manifests": [{
                "mediaType": list.value["mediaType"],
                "digest": list.digest,
                "size": list.size(&ctx.store)?,
                "annotations": { "org.opencontainers.image.ref.name": NAME },
            }],
        });
        for (name, text) in [
            (
                "oci-layout",
                json!({ "imageLayoutVersion": "1.0.0" }).to_string(),
            ),
            ("index.json", index.to_string()),
        ] {
            let path = layout.0.join(name);
            fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(layout)
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

impl Drop for Pushed {
    fn drop(&mut self) {
        // What stays has a name that says it is for the time being.
        let _ = fs::remove_dir_all(&self.0);
    }
}
