//! Options of the storage driver: podman(1), "--storage-opt".

use std::path::PathBuf;

use anyhow::{Result, bail};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageOption {
    /// None at all, those of storage.conf neither.
    None,
    /// What mounts overlays in the kernel's place.
    MountProgram(PathBuf),
}

impl StorageOption {
    pub(super) fn parse(text: &str) -> Result<StorageOption> {
        if text.is_empty() {
            return Ok(StorageOption::None);
        }
        match text.split_once('=') {
            Some(("mount_program" | "overlay.mount_program", program)) => {
                Ok(StorageOption::MountProgram(program.into()))
            }
            Some(("size" | "inodes" | "overlay.size" | "overlay.inodes", _)) => bail!(
                "storage options size and inodes not supported: quotas need XFS with project quotas, and rpod sets none: give the container a volume that has an end, as one of type=tmpfs with o=size=…"
            ),
            _ => bail!(
                "{text:?} is not known: mount_program=PATH is the one that rpod's storage has"
            ),
        }
    }

    pub(super) fn mount_program(&self) -> Option<&PathBuf> {
        match self {
            StorageOption::None => None,
            StorageOption::MountProgram(program) => Some(program),
        }
    }

    pub(super) fn word(&self) -> String {
        match self {
            StorageOption::None => String::new(),
            StorageOption::MountProgram(program) => {
                format!("overlay.mount_program={}", program.display())
            }
        }
    }
}
