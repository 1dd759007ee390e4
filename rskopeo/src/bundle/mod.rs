//! A runtime bundle made from an image: `config.json` and `rootfs/` (runtime-spec bundle.md), started unchanged by rrunc, runc and crun.
//!
//! Beside them lies a [`Record`] of the image, from which `pack` tells what has changed.
//!
//! It is made in `BUNDLE/.unpack/` and moved to its place when whole, `config.json` last: a directory with a `config.json` is a bundle,
//! one with a `.unpack/` is what an interrupted run has left, which the next one clears away.

mod packed;
mod record;
mod runtime_config;
mod users;

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::fatal;

pub use packed::{Layer, Packed};
pub use record::Record;
pub use runtime_config::{Isolation, runtime_config};

const STAGING: &str = ".unpack";

/// A bundle in the making; what there is of it is removed when dropped before [`NewBundle::commit`].
#[derive(Debug)]
pub struct NewBundle {
    path: PathBuf,
    /// Whether the directory itself is new.
    made: bool,
    done: bool,
    /// Keeps other runs out.
    _lock: File,
}

impl NewBundle {
    /// Claims `path` and makes an empty `rootfs/`.
    ///
    /// # Errors
    /// There is a bundle already, or another process is making one.
    pub fn create(path: &Path) -> Result<Self> {
        let made = !path.exists();
        fs::create_dir_all(path).with_context(|| format!("creating bundle {}", path.display()))?;
        let lock = File::open(path).with_context(|| format!("open {}", path.display()))?;
        if lock.try_lock().is_err() {
            bail!(
                "bundle {} is being unpacked by another process",
                path.display()
            );
        }
        if path.join("config.json").symlink_metadata().is_ok() {
            bail!(
                "{} is a bundle already (it has a config.json): unpack into another directory, or remove it first",
                path.display()
            );
        }
        let staging = path.join(STAGING);
        if staging.symlink_metadata().is_ok() {
            clear(path)?;
        } else if path.join("rootfs").symlink_metadata().is_ok() {
            bail!(
                "{} has a rootfs already: unpack into another directory, or remove it first",
                path.display()
            );
        }
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&staging)
            .with_context(|| format!("creating {}", staging.display()))?;
        let bundle = Self {
            path: path.to_owned(),
            made,
            done: false,
            _lock: lock,
        };
        let rootfs = staging.join("rootfs");
        fs::create_dir(&rootfs).with_context(|| format!("creating {}", rootfs.display()))?;
        fs::set_permissions(&rootfs, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("chmod {}", rootfs.display()))?;
        Ok(bundle)
    }

    pub fn rootfs(&self) -> Result<OwnedFd> {
        let path = self.path.join(STAGING).join("rootfs");
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        open(&path, flags, Mode::empty()).with_context(|| format!("open {}", path.display()))
    }

    /// Puts everything into its place, after it is on the disk. `mtree` describes the rootfs.
    pub fn commit(
        mut self,
        config: &serde_json::Value,
        record: &Record,
        mtree: &str,
    ) -> Result<()> {
        let staging = self.path.join(STAGING);
        record.write(&staging, mtree)?;
        let new_config = staging.join("config.json");
        let mut file = File::create(&new_config)
            .with_context(|| format!("creating {}", new_config.display()))?;
        file.write_all(serde_json::to_string_pretty(config)?.as_bytes())
            .with_context(|| format!("writing {}", new_config.display()))?;
        nix::unistd::syncfs(&file).with_context(|| format!("syncing {}", self.path.display()))?;
        let [description, told] = record.files()?;
        for name in ["rootfs".into(), description, told, "config.json".into()] {
            let target = self.path.join(&name);
            fs::rename(staging.join(&name), &target)
                .with_context(|| format!("renaming to {}", target.display()))?;
        }
        self.done = true;
        fs::remove_dir(&staging).with_context(|| format!("removing {}", staging.display()))
    }
}

impl Drop for NewBundle {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let removed = clear(&self.path).and_then(|()| match self.made {
            true => fs::remove_dir(&self.path)
                .with_context(|| format!("removing {}", self.path.display())),
            false => Ok(()),
        });
        if let Err(error) = removed {
            fatal::warn(&format!("{error:#}"));
        }
    }
}

/// Removes what an unfinished run has made, the mark of it last.
fn clear(path: &Path) -> Result<()> {
    for name in ["rootfs", STAGING] {
        let path = path.join(name);
        let removed = match fs::remove_dir_all(&path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                open_up(&path)?;
                fs::remove_dir_all(&path)
            }
            removed => removed,
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("removing {}", path.display()));
            }
            _ => {}
        }
    }
    record::clear(path)
}

/// Lets the owner of a tree, who may not be root, go everywhere in it.
fn open_up(directory: &Path) -> Result<()> {
    let about =
        fs::symlink_metadata(directory).with_context(|| format!("stat {}", directory.display()))?;
    if !about.is_dir() {
        return Ok(());
    }
    let mode = about.permissions().mode() | 0o700;
    fs::set_permissions(directory, fs::Permissions::from_mode(mode))
        .with_context(|| format!("chmod {}", directory.display()))?;
    let entries =
        fs::read_dir(directory).with_context(|| format!("open {}", directory.display()))?;
    for entry in entries {
        open_up(&entry?.path())?;
    }
    Ok(())
}
