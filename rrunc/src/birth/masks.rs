//! `maskedPaths` and `readonlyPaths`: what of /proc and /sys the process may
//! not see or change.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat, makedev};

use super::rootfs::Rootfs;
use crate::kernel::mount::{Attributes, Filesystem, attach, clone_mount, set_attributes};

/// Put nothing over what is masked: the null device over files, an empty
/// read-only directory over directories.
///
/// Done while the host's /dev/null is still in reach. The container's own is
/// the image's to replace, and a bind of what stands in its place would show
/// that instead of nothing.
///
/// # Errors
/// A path that is there cannot be masked.
pub(super) fn mask(rootfs: &Rootfs, paths: &[PathBuf]) -> Result<()> {
    let (mut null, mut empty) = (None, None);
    for (index, path) in paths.iter().enumerate() {
        if paths[..index].contains(path) {
            continue;
        }
        let Some(target) = find(rootfs, path)? else {
            continue;
        };
        let name = || format!("mask {}", path.display());
        let stat = fstat(&target).with_context(name)?;
        let is_directory =
            SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
        let cover = match is_directory {
            false => copy_null(&mut null),
            true => copy_empty(&mut empty),
        };
        let cover = cover.with_context(name)?;
        attach(cover.as_fd(), target.as_fd()).with_context(name)?;
        // From now on attached, and so a source for the next copy.
        if is_directory && empty.is_none() {
            empty = Some(cover);
        }
    }
    Ok(())
}

fn copy_null(null: &mut Option<OwnedFd>) -> Result<OwnedFd> {
    if null.is_none() {
        let fd = open(
            "/dev/null",
            OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC,
            Mode::empty(),
        )
        .context("open the host's /dev/null")?;
        let stat = fstat(&fd).context("stat the host's /dev/null")?;
        let is_null = stat.st_mode & libc::S_IFMT == libc::S_IFCHR && stat.st_rdev == makedev(1, 3);
        ensure!(is_null, "the host's /dev/null is not the null device");
        *null = Some(fd);
    }
    let null = null.as_ref().ok_or_else(|| anyhow!("no null device"))?;
    clone_mount(null.as_fd(), false).context("copy the mount of /dev/null")
}

/// One file system for all masked directories.
fn copy_empty(empty: &mut Option<OwnedFd>) -> Result<OwnedFd> {
    if let Some(first) = empty {
        return clone_mount(first.as_fd(), false).context("copy the empty directory");
    }
    let filesystem = Filesystem::open(c"tmpfs").context("tmpfs")?;
    let configured = filesystem
        .set("nr_blocks", Some("1"))
        .and_then(|()| filesystem.set("nr_inodes", Some("1")));
    configured
        .and_then(|()| filesystem.mount(libc::MOUNT_ATTR_RDONLY))
        .map_err(|text| anyhow!("tmpfs: {text}"))
}

/// Make paths read-only with all that is mounted below them.
///
/// # Errors
/// A path that is there cannot be made so.
pub(super) fn make_readonly(rootfs: &Rootfs, paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        let Some(target) = find(rootfs, path)? else {
            continue;
        };
        let cover = clone_mount(target.as_fd(), true)
            .with_context(|| format!("bind {}", path.display()))?;
        let change = Attributes {
            set: libc::MOUNT_ATTR_RDONLY,
            ..Attributes::default()
        };
        set_attributes(cover.as_fd(), true, change)
            .and_then(|()| attach(cover.as_fd(), target.as_fd()))
            .with_context(|| format!("make {} read-only", path.display()))?;
    }
    Ok(())
}

/// What is not there needs no mask.
fn find(rootfs: &Rootfs, path: &Path) -> Result<Option<OwnedFd>> {
    match rootfs.open(path, ResolveFlag::empty()) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        Err(errno) => {
            Err(errno).with_context(|| format!("open {} in the root file system", path.display()))
        }
    }
}
