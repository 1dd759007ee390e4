//! The directories of what is written over an image, and how much that may be: podman(1), "--storage-opt".

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::engine::quota::{self, Quota};
use crate::store::directory::remove_tree;

/// How podman calls the limits of containers together.
const LIMITS: &str = "storage options overlay.size and overlay.inodes";

/// Makes them, unless they are there.
pub fn make(home: &Path, quota: &Quota) -> Result<()> {
    let upper = home.join("upper");
    if make_open(home, quota)? {
        // Nobody writes beside the directories of `/` who is not allowed to write everywhere: podman's mode of it, whatever the image
        // has.
        fs::set_permissions(&upper, Permissions::from_mode(0o555))
            .with_context(|| format!("changing the mode of {}", upper.display()))?;
    }
    Ok(())
}

/// The same with a root directory that its owner may write to. False if they were there.
pub(super) fn make_open(home: &Path, quota: &Quota) -> Result<bool> {
    let is_new = make_dir(&home.join("upper"))?;
    make_dir(&home.join("work"))?;
    make_dir(&home.join("rootfs"))?;
    if is_new && !quota.is_none() {
        quota::limit(home, &["upper", "work"], quota, LIMITS)?;
    }
    Ok(is_new)
}

/// Lays them over an image. The kernel makes a directory in `work`; where there is no room for it, nobody could write, or remove what
/// takes the room.
pub(super) fn lay(home: &Path, quota: &Quota, mount: impl FnOnce() -> Result<()>) -> Result<()> {
    quota::while_unlimited(home, "upper", quota, LIMITS, mount)
}

/// Removes what was written.
pub(super) fn remove(home: &Path) -> Result<()> {
    quota::lift(home);
    remove_tree(&home.join("upper"))?;
    remove_tree(&home.join("work"))
}

/// False if it was there.
pub(super) fn make_dir(path: &Path) -> Result<bool> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        made => made
            .map(|()| true)
            .with_context(|| format!("making {}", path.display())),
    }
}
