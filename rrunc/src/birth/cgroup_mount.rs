//! A mount of type `cgroup`: the container's groups, and no others.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anyhow::{Context, Result, anyhow};
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::symlinkat;

use super::rootfs::host;
use crate::cgroup::{Hierarchy, View};
use crate::kernel::mount::{Attributes, Filesystem, attach, clone_tree, set_attributes};

/// Mount what the container may see of its cgroups at `target`.
///
/// A bind of the container's own group shows the same with and without a
/// cgroup namespace, and needs no more than the group's directory.
///
/// # Errors
/// A mount is refused.
pub(super) fn make(view: &View, target: BorrowedFd<'_>, attributes: u64) -> Result<()> {
    match view {
        View::Unified(group) => bind(group, target, attributes),
        View::Hierarchies { mounts, links } => {
            let base = tmpfs(target, attributes & !libc::MOUNT_ATTR_RDONLY)?;
            for hierarchy in mounts {
                mount_hierarchy(hierarchy, base.as_fd(), attributes)
                    .with_context(|| format!("cgroup hierarchy {}", hierarchy.name))?;
            }
            for (name, destination) in links {
                symlinkat(destination.as_str(), &base, name.as_str())
                    .with_context(|| format!("link {name} to {destination}"))?;
            }
            let change = Attributes {
                set: attributes & libc::MOUNT_ATTR_RDONLY,
                ..Attributes::default()
            };
            if change.is_empty() {
                return Ok(());
            }
            set_attributes(base.as_fd(), false, change)
                .context("make the directory of hierarchies read-only")
        }
    }
}

fn tmpfs(target: BorrowedFd<'_>, attributes: u64) -> Result<OwnedFd> {
    let filesystem = Filesystem::open(c"tmpfs").context("tmpfs for the hierarchies")?;
    let mount = filesystem
        .set("mode", Some("755"))
        .and_then(|()| filesystem.mount(attributes));
    let mount = mount
        .map_err(|text| anyhow!(text))
        .context("tmpfs for the hierarchies")?;
    attach(mount.as_fd(), target).context("attach the tmpfs for the hierarchies")?;
    Ok(mount)
}

fn mount_hierarchy(hierarchy: &Hierarchy, base: BorrowedFd<'_>, attributes: u64) -> Result<()> {
    let name = hierarchy.name.as_str();
    mkdirat(base, name, Mode::from_bits_truncate(0o755)).context("mkdir")?;
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let target = openat(base, name, flags, Mode::empty()).context("open")?;
    bind(&hierarchy.group, target.as_fd(), attributes)
}

fn bind(group: &std::path::Path, target: BorrowedFd<'_>, attributes: u64) -> Result<()> {
    let tree =
        clone_tree(host(), group, false).with_context(|| format!("bind {}", group.display()))?;
    let change = Attributes {
        set: attributes,
        ..Attributes::default()
    };
    set_attributes(tree.as_fd(), false, change).context("set the mount's attributes")?;
    attach(tree.as_fd(), target).context("attach the mount")
}
