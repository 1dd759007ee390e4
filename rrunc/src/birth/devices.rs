//! Device nodes: those every container has, and `linux.devices`.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, ResolveFlag, openat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstatat, makedev, mknodat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchownat, symlinkat, unlinkat};

use super::rootfs::{Kind, Rootfs, host};
use crate::kernel::mount::{attach, clone_tree};
use crate::spec::{Device, Mount};

/// Names below /dev, and their minor numbers of major 1 and 5.
const DEFAULTS: [(&str, u64, u64); 6] = [
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
];

const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Whether /dev is the container's own and so to be furnished: it is not when
/// the host's is bound there.
pub(super) fn are_wanted(mounts: &[Mount]) -> bool {
    let is_bind = |mount: &Mount| {
        mount.kind.as_deref() == Some("bind")
            || mount
                .options
                .iter()
                .any(|option| option == "bind" || option == "rbind")
    };
    !mounts
        .iter()
        .any(|mount| mount.destination == Path::new("/dev") && is_bind(mount))
}

/// Furnish /dev.
///
/// # Errors
/// A node or link cannot be made.
pub(super) fn make(rootfs: &Rootfs, devices: &[Device], in_user_namespace: bool) -> Result<()> {
    let dev = rootfs.open_or_make(Path::new("/dev"), Kind::Directory, ResolveFlag::empty())?;
    for (name, major, minor) in DEFAULTS {
        let asked = devices.iter().any(|device| {
            device.path.parent() == Some(Path::new("/dev")) && device.path.ends_with(name)
        });
        if asked {
            continue;
        }
        let node = Node {
            kind: SFlag::S_IFCHR,
            mode: 0o666,
            number: makedev(major, minor),
            owner: (0, 0),
        };
        node.make(
            dev.as_fd(),
            name,
            &Path::new("/dev").join(name),
            in_user_namespace,
        )?;
    }
    for (index, device) in devices.iter().enumerate() {
        make_asked(rootfs, device, in_user_namespace)
            .with_context(|| format!("linux.devices[{index}]"))?;
    }
    make_links(dev.as_fd())
}

fn make_asked(rootfs: &Rootfs, device: &Device, in_user_namespace: bool) -> Result<()> {
    let kind = match device.kind.as_str() {
        "c" | "u" => SFlag::S_IFCHR,
        "b" => SFlag::S_IFBLK,
        "p" => SFlag::S_IFIFO,
        other => bail!("type: {other:?} is none of c, u, b, p"),
    };
    let (Some(parent), Some(name)) = (
        device.path.parent(),
        device.path.file_name().and_then(|name| name.to_str()),
    ) else {
        bail!("path: {:?} is not a path of a file", device.path);
    };
    let parent = rootfs.open_or_make(parent, Kind::Directory, ResolveFlag::empty())?;
    let node = Node {
        kind,
        mode: device.file_mode.unwrap_or(0o666) & 0o7777,
        number: makedev(device.major, device.minor),
        owner: (device.uid.unwrap_or(0), device.gid.unwrap_or(0)),
    };
    node.make(parent.as_fd(), name, &device.path, in_user_namespace)
}

/// A node to make.
struct Node {
    kind: SFlag,
    mode: u32,
    number: u64,
    owner: (u32, u32),
}

impl Node {
    fn make(
        &self,
        parent: BorrowedFd<'_>,
        name: &str,
        path: &Path,
        in_user_namespace: bool,
    ) -> Result<()> {
        let what = || format!("make the device {}", path.display());
        // The kernel lets nobody make devices in a user namespace.
        if in_user_namespace && self.kind != SFlag::S_IFIFO {
            return bind_from_host(parent, name, path).with_context(what);
        }
        let mode = Mode::from_bits_truncate(self.mode);
        match mknodat(parent, name, self.kind, mode, self.number) {
            // The same where this user namespace is not ours but our caller's.
            Err(Errno::EPERM) => return bind_from_host(parent, name, path).with_context(what),
            Err(Errno::EEXIST) if self.is_there(parent, name) => {
                fchmodat(parent, name, mode, FchmodatFlags::NoFollowSymlink).or_else(|errno| {
                    match errno {
                        // Kernels before 6.6 cannot; the node's own mode stays.
                        Errno::EOPNOTSUPP => Ok(()),
                        other => Err(other),
                    }
                })
            }
            other => other,
        }
        .with_context(what)?;
        if self.owner != (0, 0) {
            let (uid, gid) = (Uid::from_raw(self.owner.0), Gid::from_raw(self.owner.1));
            fchownat(
                parent,
                name,
                Some(uid),
                Some(gid),
                AtFlags::AT_SYMLINK_NOFOLLOW,
            )
            .with_context(what)?;
        }
        Ok(())
    }

    /// An image may bring the node along, but not another in its place.
    fn is_there(&self, parent: BorrowedFd<'_>, name: &str) -> bool {
        fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok_and(|stat| {
            SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == self.kind
                && stat.st_rdev == self.number
        })
    }
}

fn bind_from_host(parent: BorrowedFd<'_>, name: &str, path: &Path) -> Result<()> {
    let node = clone_tree(host(), path, false).context("bind it from the host")?;
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    match openat(parent, name, flags, Mode::from_bits_truncate(0o644)) {
        // What an image brings along is covered, not opened: it may be a fifo, or a device.
        Ok(_) | Err(Errno::EEXIST) => {}
        Err(errno) => return Err(errno).context("make its place"),
    }
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let place = openat(parent, name, flags, Mode::empty()).context("open its place")?;
    attach(node.as_fd(), place.as_fd()).context("bind it from the host")
}

fn make_links(dev: BorrowedFd<'_>) -> Result<()> {
    let core = Path::new("/proc/kcore")
        .exists()
        .then_some(("core", "/proc/kcore"));
    for (name, destination) in LINKS.into_iter().chain(core) {
        let linked = match symlinkat(destination, dev, name) {
            // The multiplexer must be that of the container's devpts.
            Err(Errno::EEXIST) if name == "ptmx" => unlinkat(dev, name, UnlinkatFlags::NoRemoveDir)
                .and_then(|()| symlinkat(destination, dev, name)),
            Err(Errno::EEXIST) => Ok(()),
            other => other,
        };
        linked.map_err(|errno| anyhow!("link /dev/{name} to {destination}: {}", errno.desc()))?;
    }
    Ok(())
}
