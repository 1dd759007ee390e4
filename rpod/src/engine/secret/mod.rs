//! Secrets: a name for something that no image and no record shows. podman-secret(1).
//!
//! ```text
//! ROOT/secrets/<id>/secret.json     its name, driver, labels
//! ROOT/secrets/<id>/data            what it is, with the driver `file`
//! ROOT/containers/<id>/secrets/     a container's copies, made with it
//! ```
//!
//! Nobody but the owner may look into ROOT/secrets. Whoever makes or removes a secret holds its flock.

pub mod attach;
pub mod check;
pub mod driver;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::{Context, event};
use crate::store::directory::entries;
use crate::store::readable::{Readable, damaged};
use crate::store::record::{self, Durability};
use crate::store::{Lock, id};

/// Bytes that a secret stays below.
const TOO_LARGE: usize = 512_000;

/// Characters of an id, as podman's.
const ID_LENGTH: usize = 25;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Secret {
    pub id: String,
    pub name: String,
    pub driver: String,
    pub driver_options: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    /// RFC 3339.
    pub created: String,
    pub updated: String,
}

/// What to do where the name is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    Refuse,
    /// It stays, and is the answer.
    Keep,
    Replace,
}

/// No secret, or more than one.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("no secret with name or id {0:?}: no such secret")]
    None(String),
    #[error("more than one result secret with prefix {0}: secret is ambiguous")]
    Several(String),
}

/// Makes a secret of `data`; the answer is its id.
pub fn create(
    ctx: &Context,
    mut secret: Secret,
    data: &[u8],
    existing: Existing,
) -> Result<String> {
    check(&secret.name, data)?;
    driver::check(&secret.driver, &secret.driver_options)?;
    let _lock = lock(ctx)?;
    let old = all(ctx)?.into_iter().find(|old| old.name == secret.name);
    match (&old, existing) {
        (Some(_), Existing::Refuse) => bail!("{}: secret name in use", secret.name),
        (Some(old), Existing::Keep) => return Ok(old.id.clone()),
        _ => {}
    }
    secret.id = id::new()?[..ID_LENGTH].to_owned();
    let now = Timestamp::now().to_string();
    secret.created = old
        .as_ref()
        .map_or_else(|| now.clone(), |old| old.created.clone());
    secret.updated = now;
    let home = home(ctx, &secret.id);
    fs::create_dir(&home).with_context(|| format!("making {}", home.display()))?;
    driver::store(ctx, &secret, data)
        .with_context(|| format!("creating secret {}", secret.name))?;
    // The record is what makes it a secret.
    record::save(&home.join("secret.json"), &secret, Durability::Disk)?;
    if let Some(old) = old {
        erase(ctx, &old)?;
    }
    event::secret(ctx, "create", &secret.id);
    Ok(secret.id)
}

fn check(name: &str, data: &[u8]) -> Result<()> {
    if name.is_empty() || name.len() > 253 || name.contains(['=', '/', ',', '\0']) {
        bail!(
            "secret name {name:?} can not include '=', '/', ',', or the '\\0' (NULL) and be between 1 and 253 characters: invalid secret name"
        );
    }
    if data.is_empty() || data.len() >= TOO_LARGE {
        bail!("secret data must be larger than 0 and less than 512000 bytes");
    }
    Ok(())
}

/// By name, id, or the beginning of an id.
pub fn find(ctx: &Context, text: &str) -> Result<Secret> {
    let mut all = all(ctx)?;
    let exact = |secret: &Secret| secret.name == text || secret.id == text;
    if let Some(at) = all.iter().position(exact) {
        return Ok(all.swap_remove(at));
    }
    all.retain(|secret| !text.is_empty() && secret.id.starts_with(text));
    match (all.pop(), all.is_empty()) {
        (Some(secret), true) => Ok(secret),
        (Some(_), false) => Err(FindError::Several(text.to_owned()).into()),
        (None, _) => match damage_of(ctx, text) {
            Some(damage) => Err(damage),
            None => Err(FindError::None(text.to_owned()).into()),
        },
    }
}

/// Why the secret with this id cannot be read, if that is so.
fn damage_of(ctx: &Context, id: &str) -> Option<anyhow::Error> {
    let is_id = id.len() == ID_LENGTH && id::is_prefix(id);
    is_id.then(|| read(&home(ctx, id)).err()).flatten()
}

/// Oldest first. What is damaged is told and left out; what a killed process left half-made has no record and is none.
pub fn all(ctx: &Context) -> Result<Vec<Secret>> {
    let mut all = Readable::default();
    for home in entries(&directory(ctx))? {
        all.add(read(&home));
    }
    let mut all = all.told();
    all.sort_by(|a, b| a.created.cmp(&b.created));
    Ok(all)
}

fn read(home: &Path) -> Result<Option<Secret>> {
    let id = home.file_name().unwrap_or_default();
    load(home).map_err(|error| damaged(format!("secret {}", id.display()), error))
}

fn load(home: &Path) -> Result<Option<Secret>> {
    record::load_if_there(&home.join("secret.json"))
}

/// Takes it away. Containers keep their copies.
pub fn remove(ctx: &Context, secret: &Secret) -> Result<()> {
    let _lock = lock(ctx)?;
    erase(ctx, secret).with_context(|| format!("deleting secret {}", secret.name))?;
    event::secret(ctx, "remove", &secret.id);
    Ok(())
}

/// The same of one that cannot be read, by its id. What a script has kept elsewhere stays there.
pub fn remove_damaged(ctx: &Context, id: &str) -> Result<()> {
    let secret = Secret {
        id: id.to_owned(),
        driver: "file".to_owned(),
        ..Secret::default()
    };
    remove(ctx, &secret)
}

fn erase(ctx: &Context, secret: &Secret) -> Result<()> {
    driver::delete(ctx, secret)?;
    let home = home(ctx, &secret.id);
    let record = home.join("secret.json");
    fs::remove_file(&record).with_context(|| format!("removing {}", record.display()))?;
    fs::remove_dir_all(&home).with_context(|| format!("removing {}", home.display()))
}

/// Holds off everybody else who makes or removes secrets, and clears what such a one left when it was killed.
fn lock(ctx: &Context) -> Result<Lock> {
    let directory = directory(ctx);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&directory)
        .with_context(|| format!("making {}", directory.display()))?;
    let lock = Lock::exclusive(&directory)?;
    for entry in fs::read_dir(&directory)? {
        let home = entry?.path();
        if !home.join("secret.json").exists() {
            fs::remove_dir_all(&home).with_context(|| format!("removing {}", home.display()))?;
        }
    }
    Ok(lock)
}

fn directory(ctx: &Context) -> PathBuf {
    ctx.store.root.join("secrets")
}

fn home(ctx: &Context, id: &str) -> PathBuf {
    directory(ctx).join(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sizes() {
        assert!(check("a.b_c-d", b"x").is_ok());
        for name in ["", "a=b", "a/b", "a,b", &"x".repeat(254)] {
            assert!(check(name, b"x").is_err(), "{name}");
        }
        assert!(check("a", b"").is_err() && check("a", &[0; TOO_LARGE]).is_err());
    }
}
