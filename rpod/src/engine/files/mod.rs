//! Files of a container or of the host, under a directory that no path leaves.
//!
//! [`Root`] opens paths below it; [`pack`] writes a tree as a tar archive, [`unpack`] reads one into a tree. Everything below the root
//! may be hostile, and may change while it is read.

pub mod compression;
pub mod diff;
pub mod pack;
mod pax;
pub mod unpack;
pub mod walk;
mod xattr;

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat2, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// A directory that is the root of all paths: what leads out of it, by `..` or by a link, leads back to it.
#[derive(Debug)]
pub struct Root(OwnedFd);

impl Root {
    pub fn open(path: &Path) -> Result<Root> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let fd = open(path, flags, Mode::empty());
        Ok(Root(
            fd.with_context(|| format!("opening {}", path.display()))?,
        ))
    }

    /// Opens what a path leads to, links followed.
    pub fn open_at(&self, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT);
        loop {
            match openat2(&self.0, relative(path).as_path(), how) {
                // Somebody renamed something on the way.
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                opened => return opened,
            }
        }
    }

    /// What a path leads to, links followed.
    pub fn stat(&self, path: &Path) -> Result<FileStat, Errno> {
        let fd = self.open_at(path, OFlag::O_PATH)?;
        nix::sys::stat::fstat(&fd)
    }

    /// The path that a path leads to when links at its end are followed; what is there at last need not be.
    pub fn follow(&self, path: &Path) -> Result<PathBuf, Errno> {
        /// As many as the kernel follows.
        const LINKS: usize = 40;
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            let (parent, name) = self.parent(&path)?;
            path = match readlinkat(parent, name.as_os_str()) {
                Ok(link) => path.parent().unwrap_or(Path::new("/")).join(link),
                Err(Errno::EINVAL | Errno::ENOENT) => return Ok(path),
                Err(errno) => return Err(errno),
            };
        }
        Err(Errno::ELOOP)
    }

    /// Whether some part of a path is a link.
    pub fn has_link(&self, path: &Path) -> bool {
        path.ancestors().any(|part| {
            let found = self.parent(part).ok();
            let found = found.and_then(|(parent, name)| look(parent, &name).ok()?);
            found.is_some_and(|found| kind(&found) == SFlag::S_IFLNK)
        })
    }

    /// Removes what a path names, a link itself, and all below it. What is not there is no error.
    pub fn remove(&self, path: &Path) -> Result<()> {
        let (parent, name) = match self.parent(path) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(()),
            found => found?,
        };
        match look(&parent, &name)? {
            Some(found) if is_dir(&found) => unpack::remove_tree(parent, &name),
            Some(_) => Ok(unlinkat(
                parent,
                name.as_os_str(),
                UnlinkatFlags::NoRemoveDir,
            )?),
            None => Ok(()),
        }
    }

    /// The directory in which a path's last component is, and that component.
    pub fn parent(&self, path: &Path) -> Result<(OwnedFd, OsString), Errno> {
        let name = path.file_name().ok_or(Errno::EINVAL)?;
        let parent = path.parent().unwrap_or(Path::new("/"));
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
        Ok((self.open_at(parent, flags)?, name.to_owned()))
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// openat2 takes an absolute path from the root, too, but not an empty one.
fn relative(path: &Path) -> PathBuf {
    Path::new("/").join(path)
}

/// True for a directory itself, not for a link to one.
pub fn is_dir(stat: &FileStat) -> bool {
    kind(stat) == SFlag::S_IFDIR
}

pub(super) fn is_file(stat: &FileStat) -> bool {
    kind(stat) == SFlag::S_IFREG
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

/// What is there, a link itself; nothing if there is nothing.
fn look(dir: impl AsFd, name: &OsStr) -> Result<Option<FileStat>, Errno> {
    match fstatat(dir, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// A path of an archive or of a person without `.`, `..` and leading slashes; nothing left is the root.
pub(super) fn plain(path: &[u8]) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in Path::new(OsStr::from_bytes(path)).components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => {
                plain.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn links_lead_back_inside() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("in")).unwrap();
        std::fs::write(dir.path().join("in/hosts"), "mine").unwrap();
        std::os::unix::fs::symlink("/hosts", dir.path().join("in/link")).unwrap();
        std::os::unix::fs::symlink("/../../../etc", dir.path().join("in/up")).unwrap();
        let root = Root::open(&dir.path().join("in")).unwrap();
        assert_eq!(root.stat(Path::new("/../link")).unwrap().st_size, 4);
        assert_eq!(
            root.stat(Path::new("up/passwd")).unwrap_err(),
            Errno::ENOENT
        );
        assert_eq!(root.parent(Path::new("/")).unwrap_err(), Errno::EINVAL);
    }

    #[test]
    fn links_are_followed_to_what_is_not_there_yet() {
        let dir = tempfile::tempdir().unwrap();
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, dir.path().join(name));
        std::fs::create_dir(dir.path().join("d")).unwrap();
        link("/d/second", "first").unwrap();
        link("../new", "d/second").unwrap();
        link("loop", "loop").unwrap();
        let root = Root::open(dir.path()).unwrap();
        let followed = |path: &str| root.follow(Path::new(path));
        assert_eq!(followed("/first"), Ok("/d/../new".into()));
        assert_eq!(followed("/none"), Ok("/none".into()));
        assert_eq!(followed("/loop"), Err(Errno::ELOOP));
    }

    #[test]
    fn what_is_removed_is_inside() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("in/d/e")).unwrap();
        std::fs::write(dir.path().join("outside"), "").unwrap();
        std::os::unix::fs::symlink("../outside", dir.path().join("in/link")).unwrap();
        let root = Root::open(&dir.path().join("in")).unwrap();
        for path in ["/d", "/link", "/none", "/../outside"] {
            root.remove(Path::new(path)).unwrap();
        }
        assert!(dir.path().join("outside").exists());
        assert_eq!(std::fs::read_dir(dir.path().join("in")).unwrap().count(), 0);
    }

    proptest! {
        #[test]
        fn a_plain_path_stays_inside(path in proptest::collection::vec(any::<u8>(), 0..40)) {
            let only_names = plain(&path).components().all(|part| matches!(part, Component::Normal(_)));
            prop_assert!(only_names);
        }
    }
}
