//! The root file system, and ways into it that cannot lead out of it.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, open, openat, openat2, readlinkat};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{chdir, chroot, fchdir, pivot_root};

use super::channel::{Channel, Message};
use super::helper;
use super::mount_table::{hide_pseudo_filesystems, make_parent_private};
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
    /// Where it is on the host.
    path: PathBuf,
    /// Whether unmounting here could reach the host.
    shared: bool,
    /// `linux.rootfsPropagation`, and whether it is for all mounts.
    propagation: Option<(u64, bool)>,
}

impl Rootfs {
    /// Cut the mount namespace loose from the host's and make the root
    /// directory a mount of its own.
    ///
    /// # Errors
    /// A mount is refused.
    pub(super) fn prepare(
        path: &Path,
        propagation: Option<&str>,
        channel: &Channel,
    ) -> Result<Rootfs> {
        let propagation = propagation
            .filter(|name| !name.is_empty())
            .map(tree_propagation)
            .transpose()?;
        let (kind, recursive) = match propagation {
            // It is to be copied yet.
            Some((libc::MS_UNBINDABLE, recursive)) => (libc::MS_PRIVATE, recursive),
            asked => asked.unwrap_or((libc::MS_SLAVE, true)),
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
        let root = match bind_onto_itself(path) {
            // Below a directory that nobody of this user namespace may pass.
            Err(error) if error.downcast_ref() == Some(&Errno::EACCES) => {
                helper::ask(&Message::OpenRoot, channel)?
            }
            other => other?,
        };
        Ok(Rootfs {
            root,
            path: path.to_owned(),
            shared,
            propagation,
        })
    }

    /// The root as it is, mounted nowhere else.
    ///
    /// # Errors
    /// There is no such directory.
    pub(super) fn at(path: &Path) -> Result<Rootfs> {
        Ok(Rootfs {
            root: open_directory(path)?,
            path: path.to_owned(),
            shared: false,
            propagation: None,
        })
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
        self.make_through(path, kind, resolve, MOST_LINKS)
    }

    fn make_through(
        &self,
        path: &Path,
        target: Kind,
        resolve: ResolveFlag,
        links: u32,
    ) -> Result<OwnedFd> {
        match self.open(path, resolve) {
            Err(Errno::ENOENT) => {}
            Err(Errno::ELOOP) => bail!(
                "{} in the root file system is or passes a symbolic link: it must be mounted on ordinary directory",
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
                    let kind = if last { target } else { Kind::Directory };
                    match make(parent.as_fd(), name, kind) {
                        // A link whose destination is yet to be made.
                        Err(Errno::EEXIST) if links > 0 => {
                            let rest: PathBuf = parts.collect();
                            let further = behind_link(parent.as_fd(), &done)?.join(rest);
                            return self.make_through(&further, target, resolve, links - 1);
                        }
                        made => made.with_context(|| {
                            format!("make {} in the root file system", done.display())
                        })?,
                    }
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
                hide_pseudo_filesystems(&self.path)?;
                mount(Some("."), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>)
                    .context("move the root to /")?;
                chroot(".").context("chroot")?;
            }
        }
        chdir("/").context("chdir to /")?;
        let Some((propagation, recursive)) = self.propagation else {
            return Ok(());
        };
        let change = Attributes {
            propagation,
            ..Attributes::default()
        };
        set_attributes_at(c"/", recursive, change)
            .context("linux.rootfsPropagation: set the propagation of the root")
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

/// Make a directory a mount, on top of itself; returns the mount's root.
///
/// # Errors
/// It cannot be reached, or not copied.
pub(super) fn bind_onto_itself(path: &Path) -> Result<OwnedFd> {
    let place = open_directory(path)?;
    let root = clone_mount(place.as_fd(), true)
        .with_context(|| format!("root.path: copy the mount of {}", path.display()))?;
    attach(root.as_fd(), place.as_fd())
        .with_context(|| format!("bind {} onto itself", path.display()))?;
    Ok(root)
}

fn open_directory(path: &Path) -> Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty()).with_context(|| format!("root.path: {}", path.display()))
}

/// As many as the kernel follows.
const MOST_LINKS: u32 = 40;

/// Where the link at `path`, the last name of which is in `parent`, leads.
fn behind_link(parent: BorrowedFd<'_>, path: &Path) -> Result<PathBuf> {
    let name = path.file_name().unwrap_or_default();
    let destination = readlinkat(parent, name)
        .with_context(|| format!("make {} in the root file system", path.display()))?;
    Ok(path.parent().unwrap_or(Path::new("/")).join(destination))
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

/// A path on the host, for what is bound from there.
pub(super) fn host() -> BorrowedFd<'static> {
    AT_FDCWD
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_is_made_outside_of_the_root() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        fs::create_dir(&root).unwrap();
        symlink("/../../etc", root.join("link")).unwrap();
        let rootfs = Rootfs::at(&root).unwrap();
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
        let error = Rootfs::at(directory.path())
            .unwrap()
            .open_or_make(
                Path::new("/proc"),
                Kind::Directory,
                ResolveFlag::RESOLVE_NO_SYMLINKS,
            )
            .unwrap_err();
        assert!(error.to_string().contains("symbolic link"), "{error}");
    }
}
