//! Copies of a mount that are changed before anybody sees them.

use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use nix::errno::Errno;

/// Binds a directory with all that is mounted in it. Nothing that is unmounted here is unmounted there.
pub(super) fn mount_private(source: &Path, target: &Path) -> Result<()> {
    let attributes = libc::mount_attr {
        attr_set: 0,
        attr_clr: 0,
        propagation: libc::MS_PRIVATE,
        userns_fd: 0,
    };
    mount(source, target, &attributes, libc::AT_RECURSIVE as u32)
        .with_context(|| format!("binding {} to {}", source.display(), target.display()))
}

/// Binds a directory so that its owners are those of a user namespace.
pub(super) fn mount_mapped(source: &Path, owner: &File, target: &Path) -> Result<(), Errno> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_IDMAP,
        attr_clr: 0,
        propagation: 0,
        userns_fd: owner.as_raw_fd() as u64,
    };
    mount(source, target, &attributes, 0)
}

/// `depth` is 0 or `AT_RECURSIVE`.
fn mount(
    source: &Path,
    target: &Path,
    attributes: &libc::mount_attr,
    depth: u32,
) -> Result<(), Errno> {
    let text = |path: &Path| CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL);
    let (source, target) = (text(source)?, text(target)?);
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | depth;
    // SAFETY: the path is NUL-terminated and lives through the call.
    let fd = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, source.as_ptr(), flags) };
    let fd = Errno::result(fd)?;
    // SAFETY: the kernel has just made the descriptor for us.
    let tree = unsafe { OwnedFd::from_raw_fd(fd as i32) };
    // SAFETY: the attributes are a whole `struct mount_attr`, whose size is told, and live through the call.
    let set = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH as u32 | depth,
            std::ptr::from_ref(attributes),
            size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(set)?;
    // SAFETY: both paths are NUL-terminated and live through the call.
    let moved = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            libc::MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    Errno::result(moved).map(drop)
}
