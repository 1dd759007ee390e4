//! Signatures of images in registries, made here: podman-image-sign(1). rskopeo fetches what is signed, and signs it.
//!
//! They lie as other tools look for them: `BASE/REPOSITORY@sha256=HEX/signature-N`.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::archive::{hex, unnamed_file};
use super::lookaside::Lookasides;
use super::{Access, Name, own_path};
use crate::engine::Context;
use crate::engine::copier::{output_of, rskopeo};
use crate::store::id;

/// What is signed, by whom, and where signatures go.
#[derive(Clone, Debug)]
pub struct Signing {
    /// Each image of a list, and not the list.
    pub all: bool,
    pub access: Access,
    /// In the place of what registries.d says.
    pub directory: Option<PathBuf>,
    /// The OpenPGP key's owner or fingerprint.
    pub key: String,
}

/// Signs what a registry has under a name: `docker://NAME`.
pub fn sign(text: &str, asked: &Signing) -> Result<()> {
    let Some(name) = text.strip_prefix("docker://") else {
        bail!("parsing image name: {text:?} names no image in a registry: write docker://NAME");
    };
    let name = Name::parse(name)?;
    let name = match name.is_short() {
        true => name.at("docker.io"),
        false => name,
    }
    .normalized();
    let base = base(&name, asked)?;
    let manifest = fetch(&name.to_string(), asked)?;
    if !asked.all {
        return put(&manifest, &name, &base, asked);
    }
    let list: Value = serde_json::from_slice(&manifest)
        .with_context(|| format!("parsing the manifest of {name}"))?;
    let Some(instances) = list["manifests"].as_array() else {
        bail!("{text} is not a multi-architecture image: leave out --all");
    };
    for instance in instances {
        let digest = instance["digest"].as_str().unwrap_or_default();
        let manifest = fetch(&format!("{}@{digest}", name.repository), asked)?;
        put(&manifest, &name, &base, asked)
            .with_context(|| format!("storing signature for {name}, {digest}"))?;
    }
    Ok(())
}

/// Signs an image of the store, as what it is called there.
pub fn sign_stored(ctx: &Context, text: &str, asked: &Signing) -> Result<()> {
    let image = super::find(ctx, text)?;
    let Some(name) = super::full_name(ctx, text)? else {
        bail!(
            "cannot determine canonical Docker reference for destination containers-storage:{text}: name the image, not its id"
        );
    };
    if asked.all {
        bail!("containers-storage:{text} is not a multi-architecture image: leave out --all");
    }
    let name = Name::parse(&name)?;
    let base = base(&name, asked)?;
    let blob = super::manifest::blob(&image.store, &image.digest)?;
    let manifest = fs::read(&blob).with_context(|| format!("reading {}", blob.display()))?;
    put(&manifest, &name, &base, asked)
}

/// `BASE/REPOSITORY`, without the registry.
fn base(name: &Name, asked: &Signing) -> Result<PathBuf> {
    let base = match &asked.directory {
        Some(directory) => {
            fs::metadata(directory).with_context(|| format!("stat {}", directory.display()))?;
            directory.clone()
        }
        None => {
            let url = Lookasides::load(None)?.written(name)?;
            match url.strip_prefix("file://") {
                Some(path) => path.into(),
                None => bail!(
                    "signatures cannot be written to {url}: give {} a lookaside-staging of the form file:///DIR, or name a place with --directory",
                    name.repository
                ),
            }
        }
    };
    Ok(base.join(name.path()))
}

fn fetch(name: &str, asked: &Signing) -> Result<Vec<u8>> {
    let mut command = rskopeo()?;
    command
        .args(["inspect", "--raw"])
        .args(asked.access.plain_options())
        .arg(format!("docker://{name}"));
    output_of(command)
}

fn put(manifest: &[u8], name: &Name, base: &Path, asked: &Signing) -> Result<()> {
    let mut directory = base.as_os_str().to_owned();
    directory.push(format!("@sha256={}", hex(&Sha256::digest(manifest))));
    let directory = PathBuf::from(directory);
    let (mut signed, signature) = (unnamed_file()?, unnamed_file()?);
    signed.write_all(manifest).context("keeping the manifest")?;
    let mut command = rskopeo()?;
    command
        .arg("standalone-sign")
        .arg(own_path(&signed))
        .arg(name.to_string())
        .arg(&asked.key)
        .arg("--output")
        .arg(own_path(&signature));
    output_of(command)?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o751)
        .create(&directory)
        .with_context(|| format!("making {}", directory.display()))?;
    keep(&signature, &directory)
}

/// Under the first number that is free.
fn keep(signature: &File, directory: &Path) -> Result<()> {
    let bytes = fs::read(own_path(signature)).context("reading the signature")?;
    let temporary = directory.join(format!(".tmp-{}", id::new()?));
    let kept = (|| -> io::Result<()> {
        let mut file = File::create_new(&temporary)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        for number in 1.. {
            match fs::hard_link(&temporary, directory.join(format!("signature-{number}"))) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                linked => return linked,
            }
        }
        Ok(())
    })();
    let removed = fs::remove_file(&temporary);
    kept.and(removed)
        .with_context(|| format!("writing a signature to {}", directory.display()))
}
