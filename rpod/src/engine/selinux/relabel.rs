//! Files get the label of the container that they are for.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, fstat};

use super::is_enabled;
use crate::engine::files::{is_dir, walk};

const ATTRIBUTE: &CStr = c"security.selinux";

/// Labels what a person has: a tree, or a file, of which the top is done last. What has the label already is left alone, and so is a
/// file system that has no labels.
///
/// # Errors
/// It is a directory of the host's own, or the policy lets nobody have the label.
pub fn relabel(path: &str, label: &str) -> Result<()> {
    if !is_enabled() {
        return Ok(());
    }
    let is_home = std::env::var("HOME").is_ok_and(|home| home == path.trim_end_matches('/'));
    if is_home || walk::is_the_hosts(path) {
        bail!("SELinux relabeling of {path} is not allowed");
    }
    tree(Path::new(path), label).with_context(|| format!("relabeling {path}"))
}

/// Labels what rpod has made for a container.
pub fn label_file(path: &Path, label: &str) -> Result<()> {
    tree(path, label).with_context(|| format!("labeling {}", path.display()))
}

/// Labels a directory, and not what is in it: what is made in it later has the same type.
pub fn label_directory(path: &Path, label: &str) -> Result<()> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let set = open(path, flags, Mode::empty()).and_then(|directory| set(&directory, label));
    set.with_context(|| format!("labeling {}", path.display()))
}

fn tree(path: &Path, label: &str) -> Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let at = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let top = open(path.as_c_str(), at, Mode::empty())?;
    if is_dir(&fstat(&top)?) {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        walk::below(
            openat(&top, c".", flags, Mode::empty())?,
            &mut |parent, name| Ok(set(&entry(parent, name)?, label)?),
        )?;
    }
    Ok(set(&top, label)?)
}

fn entry(parent: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

/// Labels what the descriptor is, a link too.
fn set(file: &OwnedFd, label: &str) -> Result<(), Errno> {
    // An O_PATH descriptor has no attributes of its own; this leads to the same file, whatever its name leads to by now.
    let path =
        CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(|_| Errno::EINVAL)?;
    let label = CString::new(label).map_err(|_| Errno::EINVAL)?;
    let label = label.as_bytes_with_nul();
    if get(&path).is_ok_and(|own| own == label) {
        return Ok(());
    }
    // SAFETY: path and name are NUL-terminated, and the label is read to its own length.
    let result = unsafe {
        libc::setxattr(
            path.as_ptr(),
            ATTRIBUTE.as_ptr(),
            label.as_ptr().cast(),
            label.len(),
            0,
        )
    };
    match Errno::result(result) {
        Err(Errno::ENOTSUP) => Ok(()),
        set => set.map(drop),
    }
}

fn get(path: &CStr) -> Result<Vec<u8>, Errno> {
    let mut label = vec![0; 256];
    // SAFETY: path and name are NUL-terminated; the kernel writes at most as many bytes as the buffer has.
    let size = unsafe {
        libc::getxattr(
            path.as_ptr(),
            ATTRIBUTE.as_ptr(),
            label.as_mut_ptr().cast(),
            label.len(),
        )
    };
    let size = Errno::result(size)?;
    label.truncate(usize::try_from(size).map_err(|_| Errno::EINVAL)?);
    Ok(label)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Without SELinux root may write the attribute as it likes.
    #[test]
    fn a_tree_is_labeled_and_what_links_lead_to_is_not() {
        if !nix::unistd::geteuid().is_root() || is_enabled() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let (tree_path, other) = (dir.path().join("tree"), dir.path().join("other"));
        std::fs::create_dir_all(tree_path.join("a/b")).unwrap();
        std::fs::write(&other, "").unwrap();
        std::os::unix::fs::symlink(&other, tree_path.join("a/link")).unwrap();
        match tree(&tree_path, "u:object_r:t:s0") {
            // A file system without such attributes.
            Ok(()) if label_of(&tree_path).is_none() => return,
            labeled => labeled.unwrap(),
        }
        for path in ["", "a", "a/b"] {
            let label = label_of(&tree_path.join(path));
            assert_eq!(label.as_deref(), Some("u:object_r:t:s0\0"), "{path}");
        }
        assert_eq!(label_of(&other), None);
    }

    fn label_of(path: &Path) -> Option<String> {
        let path = CString::new(path.as_os_str().as_bytes()).unwrap();
        get(&path)
            .ok()
            .map(|label| String::from_utf8(label).unwrap())
    }
}
