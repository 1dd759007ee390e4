//! The root file system, and ways into it that cannot lead out of it.

use std::ffi::{CString, OsStr};
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, open, openat, openat2};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{chdir, chroot, fchdir, pivot_root};

use super::options::tree_propagation;
use crate::kernel::mount::{Attributes, attach, clone_mount, set_attributes, set_attributes_at};

/// How a container leaves the host's root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    PivotRoot,
    /// `--no-pivot`: the root is moved over the host's.
    Move,
}

/// What a path in the root file system should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
}

/// The container's root while it is being furnished.
#[derive(Debug)]
pub(super) struct Rootfs {
    root: OwnedFd,
    /// Whether unmounting here could reach the host.
    shared: bool,
}

impl Rootfs {
    /// Cut the mount namespace loose from the host's and make the root
    /// directory a mount of its own.
    ///
    /// # Errors
    /// A mount is refused.
    pub(super) fn prepare(path: &Path, propagation: Option<&str>) -> Result<Rootfs> {
        let (kind, recursive) = match propagation {
            Some(name) if !name.is_empty() => tree_propagation(name)?,
            _ => (libc::MS_SLAVE, true),
        };
        set_attributes_at(
            c"/",
            recursive,
            Attributes {
                propagation: kind,
                ..Attributes::default()
            },
        )
        .context("set the propagation of /")?;
        let shared = kind == libc::MS_SHARED || !recursive;
        if shared {
            make_parent_private(path)?;
        }
        let named = || format!("root.path: {}", path.display());
        let place = open(
            path,
            OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
            Mode::empty(),
        )
        .with_context(named)?;
        let root = clone_mount(place.as_fd(), true).with_context(named)?;
        attach(root.as_fd(), place.as_fd())
            .with_context(|| format!("bind {} onto itself", path.display()))?;
        Ok(Rootfs { root, shared })
    }

    /// What is there now, links followed inside the root.
    ///
    /// # Errors
    /// The errno of openat2(2).
    pub(super) fn open(&self, path: &Path, resolve: ResolveFlag) -> Result<OwnedFd, Errno> {
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS | resolve);
        let path = if path == Path::new("/") {
            Path::new(".")
        } else {
            path
        };
        loop {
            match openat2(&self.root, path, how) {
                // A rename elsewhere in the tree made the walk unsure.
                Err(Errno::EAGAIN) => {}
                other => return other,
            }
        }
    }

    /// What is there, made with its parents when it is missing.
    ///
    /// # Errors
    /// A component cannot be made or leads nowhere.
    pub(super) fn open_or_make(
        &self,
        path: &Path,
        kind: Kind,
        resolve: ResolveFlag,
    ) -> Result<OwnedFd> {
        match self.open(path, resolve) {
            Err(Errno::ENOENT) => {}
            Err(Errno::ELOOP) => bail!(
                "{} in the root file system is or passes a symbolic link",
                path.display()
            ),
            other => {
                return other
                    .with_context(|| format!("open {} in the root file system", path.display()));
            }
        }
        let (mut done, mut parent) = (PathBuf::from("/"), self.root.try_clone()?);
        let mut parts = names(path).into_iter().peekable();
        while let Some(name) = parts.next() {
            done.push(name);
            let last = parts.peek().is_none();
            parent = match self.open(&done, resolve) {
                Err(Errno::ENOENT) => {
                    let kind = if last { kind } else { Kind::Directory };
                    make(parent.as_fd(), name, kind).with_context(|| {
                        format!("make {} in the root file system", done.display())
                    })?;
                    self.open(&done, resolve)
                }
                other => other,
            }
            .with_context(|| format!("open {} in the root file system", done.display()))?;
        }
        Ok(parent)
    }

    /// The descriptor of the root.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Make the container's root the process's root, and let go of the host's.
    ///
    /// # Errors
    /// The root cannot be changed.
    pub(super) fn enter(&self, leave: Leave) -> Result<()> {
        fchdir(&self.root).context("enter the root file system")?;
        match leave {
            Leave::PivotRoot => {
                pivot_root(".", ".").context("pivot_root")?;
                if self.shared {
                    let none = None::<&str>;
                    mount(none, ".", none, MsFlags::MS_SLAVE | MsFlags::MS_REC, none)
                        .context("keep the unmounting of the old root from the host")?;
                }
                umount2(".", MntFlags::MNT_DETACH).context("unmount the old root")?;
            }
            Leave::Move => {
                mount(Some("."), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>)
                    .context("move the root to /")?;
                chroot(".").context("chroot")?;
            }
        }
        chdir("/").context("chdir to /")
    }

    /// Make the root read-only, not what is mounted on it.
    ///
    /// # Errors
    /// The attribute cannot be set.
    pub(super) fn make_readonly(&self) -> Result<()> {
        let change = Attributes {
            set: libc::MOUNT_ATTR_RDONLY,
            ..Attributes::default()
        };
        set_attributes(self.fd(), false, change).context("root.readonly: make the root read-only")
    }
}

/// The names of a path, `..` taken back: what is made lies below the root.
fn names(path: &Path) -> Vec<&OsStr> {
    let mut names = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => names.push(name),
            Component::ParentDir => drop(names.pop()),
            _ => {}
        }
    }
    names
}

fn make(parent: BorrowedFd<'_>, name: &OsStr, kind: Kind) -> Result<(), Errno> {
    match kind {
        Kind::Directory => mkdirat(parent, name, Mode::from_bits_truncate(0o755)),
        Kind::File => {
            let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
            openat(parent, name, flags, Mode::from_bits_truncate(0o644)).map(drop)
        }
    }
}

/// pivot_root(2) refuses a new root whose parent mount is shared.
fn make_parent_private(path: &Path) -> Result<()> {
    let path = fs::canonicalize(path).with_context(|| format!("root.path: {}", path.display()))?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("read /proc/self/mountinfo")?;
    let parent = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(unescape)
        .filter(|point| path.starts_with(point))
        .max_by_key(|point| point.as_os_str().len())
        .ok_or_else(|| {
            anyhow!(
                "{} is below no mount of /proc/self/mountinfo",
                path.display()
            )
        })?;
    let point = CString::new(parent.as_os_str().as_bytes())?;
    set_attributes_at(
        &point,
        false,
        Attributes {
            propagation: libc::MS_PRIVATE,
            ..Attributes::default()
        },
    )
    .with_context(|| format!("make {} private", parent.display()))
}

/// mountinfo writes blanks as octal.
fn unescape(field: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = field.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail
            .get(..3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if first == b'\\' => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    PathBuf::from(OsStr::from_bytes(&bytes))
}

/// A path on the host, for what is bound from there.
pub(super) fn host() -> BorrowedFd<'static> {
    AT_FDCWD
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn rootfs(path: &Path) -> Rootfs {
        Rootfs {
            root: open(path, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty()).unwrap(),
            shared: false,
        }
    }

    #[test]
    fn nothing_is_made_outside_of_the_root() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        fs::create_dir(&root).unwrap();
        symlink("/../../etc", root.join("link")).unwrap();
        let rootfs = rootfs(&root);
        fs::create_dir(root.join("etc")).unwrap();
        rootfs
            .open_or_make(Path::new("/link/a/b"), Kind::File, ResolveFlag::empty())
            .unwrap();
        assert!(root.join("etc/a/b").is_file());
        rootfs
            .open_or_make(Path::new("/../../x"), Kind::Directory, ResolveFlag::empty())
            .unwrap();
        assert!(root.join("x").is_dir());
        assert!(!directory.path().join("x").exists());
    }

    #[test]
    fn a_link_is_refused_where_none_may_be() {
        let directory = tempfile::tempdir().unwrap();
        symlink("/tmp", directory.path().join("proc")).unwrap();
        let error = rootfs(directory.path())
            .open_or_make(
                Path::new("/proc"),
                Kind::Directory,
                ResolveFlag::RESOLVE_NO_SYMLINKS,
            )
            .unwrap_err();
        assert!(error.to_string().contains("symbolic link"), "{error}");
    }

    #[test]
    fn blanks_in_mountinfo_are_read() {
        assert_eq!(unescape(r"/a\040b\134"), Path::new(r"/a b\"));
    }
}
