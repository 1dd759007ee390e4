//! Volumes: directories with a name that outlive containers.
//!
//! ```text
//! ROOT/volumes/<name>/volume.json   what it was asked to be
//! ROOT/volumes/<name>/_data         its files, or what is mounted there
//! ROOT/volumes/<name>/rootfs        the same of one that stands on an image, with upper/ and work/
//! ROOT/volumes/.tmp-…               one that is being made or removed, or was when its process was killed
//! RUNROOT/volumes/<name>            a person mounted it
//! ```
//!
//! The flock of `ROOT/volumes` is held shared while a container is made that names volumes, and exclusively while one is made,
//! filled or removed. Who uses a volume is told by the containers' records.

pub mod archive;
pub mod attach;
pub mod backing;
pub mod check;
pub mod create;
mod fill;
pub mod filter;
pub mod inspect;
pub mod mount;
mod options;
mod own;
pub mod remove;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use self::backing::Backing;
use super::Context;
use super::container::{self, record::Container};
use super::quota::{self, Quota};
use crate::output::warn;
use crate::store::directory::{entries, remove_tree};
use crate::store::near::Missing;
use crate::store::readable::{Readable, damaged};
use crate::store::record::{self, Durability};
use crate::store::{Lock, id, names};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Volume {
    pub name: String,
    pub driver: String,
    /// When it was created, RFC 3339.
    pub created: String,
    pub labels: BTreeMap<String, String>,
    /// `type`, `device` and `o`: what is mounted on it.
    pub options: BTreeMap<String, String>,
    /// It was made for one container and goes with it.
    pub anonymous: bool,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    /// How much it may hold.
    #[serde(skip_serializing_if = "Quota::is_none")]
    pub quota: Quota,
    /// The first container whose image has files there puts them into it.
    pub needs_copy_up: bool,
    /// It does not become the user's any more of the container that uses it first.
    pub has_owner: bool,
    /// Who fills it has not come to the end.
    pub being_filled: Option<Filling>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Backing>,
}

/// What a volume is filled from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filling {
    /// The image of its first user; nothing else is in it.
    Image,
    Archive,
}

#[derive(Debug, Error)]
pub enum VolumeError {
    #[error("no volume with name {:?} found: no such volume{}", .0.name, .0)]
    NotFound(Missing),
    #[error("volume with name {0} already exists: volume already exists")]
    Exists(String),
    #[error(
        "volume {name} is being used by the following container(s): {users}: volume is being used"
    )]
    InUse { name: String, users: String },
}

impl Volume {
    pub fn data(&self, ctx: &Context) -> PathBuf {
        self.data_in(&home(ctx, &self.name))
    }

    fn data_in(&self, home: &Path) -> PathBuf {
        home.join(match self.image {
            Some(_) => "rootfs",
            None => "_data",
        })
    }

    /// A file system is mounted on it while it is used.
    pub fn is_mounted_when_used(&self) -> bool {
        if self.image.is_some() {
            return true;
        }
        let rest = self.options.get("o").map_or("", String::as_str);
        self.options.contains_key("type")
            || self.options.contains_key("device")
            || !rest.split(',').all(options::is_own)
    }

    fn save(&self, ctx: &Context) -> Result<()> {
        let path = home(ctx, &self.name).join("volume.json");
        record::save(&path, self, Durability::Disk)
    }
}

/// Where volumes are kept: `--volumepath`, containers.conf, below the root.
pub fn directory(ctx: &Context) -> PathBuf {
    let configured = ctx.config.containers_conf.engine.volume_path.as_ref();
    let given = ctx.globals.volumepath.as_ref().or(configured);
    given.map_or_else(|| ctx.store.root.join("volumes"), PathBuf::clone)
}

fn home(ctx: &Context, name: &str) -> PathBuf {
    directory(ctx).join(name)
}

fn load(ctx: &Context, name: &str) -> Result<Option<Volume>> {
    let home = home(ctx, name);
    let record = record::load_if_there(&home.join("volume.json")).and_then(|record| match record {
        // It comes and goes with its record.
        None if home.exists() => bail!("{} has no volume.json", home.display()),
        record => Ok(record),
    });
    record.map_err(|error| damaged(format!("volume {name}"), error))
}

/// A volume by its whole name.
pub fn get(ctx: &Context, name: &str) -> Result<Volume> {
    if names::is_valid(name)
        && let Some(volume) = load(ctx, name)?
    {
        return Ok(volume);
    }
    let known = all(ctx)?.into_iter();
    let known = known.map(|volume| volume.name);
    Err(VolumeError::NotFound(Missing::among(name, known)).into())
}

/// A volume by its name or the beginning of it.
pub fn find(ctx: &Context, text: &str) -> Result<Volume> {
    if text.is_empty() {
        bail!("name or ID cannot be empty");
    }
    match get(ctx, text) {
        Err(error) if error.is::<VolumeError>() => {
            let mut found = all(ctx)?
                .into_iter()
                .filter(|volume| volume.name.starts_with(text));
            let Some(volume) = found.next() else {
                return Err(error);
            };
            if found.next().is_some() {
                bail!("more than one result for volume name {text:?}: volume already exists");
            }
            Ok(volume)
        }
        result => result,
    }
}

/// All volumes by name. What is damaged is told and left out.
pub fn all(ctx: &Context) -> Result<Vec<Volume>> {
    let mut all = readable(ctx)?.told();
    all.sort_by(|a: &Volume, b| a.name.cmp(&b.name));
    Ok(all)
}

/// Every volume that can be read, and why the others cannot, in no order.
fn readable(ctx: &Context) -> Result<Readable<Volume>> {
    let mut all = Readable::default();
    for path in entries(&directory(ctx))? {
        if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && names::is_valid(name)
        {
            all.add(load(ctx, name));
        }
    }
    Ok(all)
}

/// The containers that name a volume.
pub fn users(ctx: &Context, name: &str) -> Result<Vec<Container>> {
    let mut users = container::all(ctx)?;
    users.retain(|container| container.volumes().any(|volume| volume == name));
    Ok(users)
}

fn lock(ctx: &Context) -> Result<Lock> {
    Lock::exclusive(&made_directory(ctx)?)
}

/// Another name, which no volume has, for what is being made or removed.
fn nameless(ctx: &Context) -> Result<PathBuf> {
    Ok(directory(ctx).join(format!("{NAMELESS}{}", id::new()?)))
}

const NAMELESS: &str = ".tmp-";

/// Removes what killed processes have left nameless. The caller holds the lock exclusively, so that nobody is at work.
fn sweep(ctx: &Context) -> Result<()> {
    for path in entries(&directory(ctx))? {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if name.starts_with(NAMELESS.as_bytes())
            && let Err(error) = discard(&path)
        {
            // It keeps nobody from anything.
            warn(&format!("{error:#}"));
        }
    }
    Ok(())
}

/// Removes a volume that has no name any more, or had none yet.
fn discard(nameless: &Path) -> Result<()> {
    quota::lift(nameless);
    remove_tree(nameless)
}

/// Keeps volumes from being removed before the container's record names them.
pub fn lock_shared(ctx: &Context) -> Result<Lock> {
    Lock::shared(&made_directory(ctx)?)
}

fn made_directory(ctx: &Context) -> Result<PathBuf> {
    let directory = directory(ctx);
    fs::create_dir_all(&directory).with_context(|| format!("making {}", directory.display()))?;
    Ok(directory)
}
