//! The tree that layers are written to, and the safe way to a directory in it.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat2, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat, futimens, mkdirat};
use nix::sys::time::TimeSpec;

use super::error::{During, LayerError, Result};
use super::path::{components, join};
use super::whiteout;

/// Deeper trees than this are refused: whatever walks them later needs a descriptor or a stack frame for each level.
pub(super) const DEPTH_LIMIT: usize = 1000;
/// As the kernel's own bound on symbolic links in one path.
const LINK_LIMIT: usize = 40;

/// A directory tree behind a descriptor of its root.
#[derive(Debug)]
pub(super) struct Tree {
    root: OwnedFd,
    /// The directory that was written to last; members of an archive mostly come directory by directory.
    parent: Option<Parent>,
}

/// An open directory of the tree.
#[derive(Debug)]
pub(super) struct Parent {
    /// As the archive names it.
    asked: Vec<u8>,
    /// Where it is, without symlinks.
    pub(super) real: Vec<u8>,
    pub(super) fd: OwnedFd,
    /// Access and modification time before children were written.
    times: (TimeSpec, TimeSpec),
}

/// Directories that had to be made on the way to a parent.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// Without an own entry in the archive, so far.
    pub(super) implied: Vec<Vec<u8>>,
    /// Those that stand in the place of a whiteout.
    pub(super) over_whiteout: Vec<Vec<u8>>,
}

impl Tree {
    pub(super) fn new(root: OwnedFd) -> Self {
        Self { root, parent: None }
    }

    /// Opens the directory `asked` (a clean name), making what is missing of it. It stays open until another one is entered.
    pub(super) fn enter(&mut self, asked: &[u8], made: &mut Made) -> Result<&Parent> {
        if self
            .parent
            .as_ref()
            .is_none_or(|parent| parent.asked != asked)
        {
            self.leave()?;
            let parent = self.open_parent(asked, made)?;
            return Ok(self.parent.insert(parent));
        }
        self.parent
            .as_ref()
            .ok_or_else(|| LayerError::refused(asked, "its parent is not open"))
    }

    /// Gives the directory entered last its own times back, which its new children have changed.
    pub(super) fn leave(&mut self) -> Result<()> {
        match self.parent.take() {
            Some(Parent {
                real, fd, times, ..
            }) => futimens(&fd, &times.0, &times.1).during("set times of", &real),
            None => Ok(()),
        }
    }

    fn open_parent(&self, asked: &[u8], made: &mut Made) -> Result<Parent> {
        let (real, fd) = match self.open_dir(asked) {
            Ok(fd) => (asked.to_vec(), fd),
            Err(Errno::ENOENT | Errno::ELOOP | Errno::ENOTDIR) => {
                let real = self.walk(asked, Some(made))?.unwrap_or_default();
                let fd = self.open_dir(&real).during("open directory", &real)?;
                (real, fd)
            }
            Err(errno) => return Err(errno).during("open directory", asked),
        };
        if components(&real).count() > DEPTH_LIMIT {
            return Err(LayerError::refused(
                &real,
                format!("it is more than {DEPTH_LIMIT} directories deep"),
            ));
        }
        let stat = fstat(&fd).during("stat", &real)?;
        let times = times_of(&stat);
        Ok(Parent {
            asked: asked.to_vec(),
            real,
            fd,
            times,
        })
    }

    /// Where `name` is without symlinks, or None when a part of it does not exist.
    pub(super) fn real(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.open_dir(name) {
            Ok(_) => Ok(Some(name.to_vec())),
            Err(_) => self.walk(name, None),
        }
    }

    /// Opens a directory by its real name: no component is a symlink.
    pub(super) fn open_dir(&self, real: &[u8]) -> nix::Result<OwnedFd> {
        open_beneath(
            self.root.as_fd(),
            real,
            OFlag::O_RDONLY | OFlag::O_DIRECTORY,
        )
    }

    /// Walks `name` component by component, following symlinks as if the tree were the whole file system.
    /// With `made`, missing directories are created; without, a missing one ends the walk.
    fn walk(&self, name: &[u8], mut made: Option<&mut Made>) -> Result<Option<Vec<u8>>> {
        let mut left: VecDeque<Vec<u8>> = components(name).map(<[u8]>::to_vec).collect();
        let mut real: Vec<Vec<u8>> = Vec::new();
        let mut links = 0;
        while let Some(component) = left.pop_front() {
            if component == b".." {
                real.pop();
                continue;
            }
            let parent = real.join(&b'/');
            let here = join(&parent, &component);
            let fd = self.open_dir(&parent).during("open directory", &parent)?;
            let last = OsStr::from_bytes(&component);
            match fstatat(&fd, last, AtFlags::AT_SYMLINK_NOFOLLOW) {
                Ok(stat) if is(&stat, SFlag::S_IFDIR) => real.push(component),
                Ok(stat) if is(&stat, SFlag::S_IFLNK) => {
                    links += 1;
                    if links > LINK_LIMIT {
                        return Err(Errno::ELOOP).during("resolve", name);
                    }
                    let target = readlinkat(&fd, last).during("read link", &here)?.into_vec();
                    if target.starts_with(b"/") {
                        real.clear();
                    }
                    for part in components(&target).rev() {
                        left.push_front(part.to_vec());
                    }
                }
                Ok(stat) => match &mut made {
                    Some(made) if whiteout::is_device(&stat) => {
                        whiteout::remove_device(&fd, last, &here)?;
                        make_implied(&fd, last, &here)?;
                        made.over_whiteout.push(here.clone());
                        made.implied.push(here);
                        real.push(component);
                    }
                    Some(_) => {
                        return Err(LayerError::refused(
                            name,
                            format!(
                                "its parent /{} is not a directory",
                                super::path::shown(&here)
                            ),
                        ));
                    }
                    None => return Ok(None),
                },
                Err(Errno::ENOENT) => match &mut made {
                    Some(made) => {
                        make_implied(&fd, last, &here)?;
                        made.implied.push(here);
                        real.push(component);
                    }
                    None => return Ok(None),
                },
                Err(errno) => return Err(errno).during("stat", &here),
            }
            if real.len() > DEPTH_LIMIT {
                return Err(LayerError::refused(
                    name,
                    format!("it is more than {DEPTH_LIMIT} directories deep"),
                ));
            }
        }
        Ok(Some(real.join(&b'/')))
    }
}

fn make_implied(parent: &OwnedFd, name: &OsStr, path: &[u8]) -> Result<()> {
    mkdirat(parent, name, Mode::from_bits_truncate(0o755)).during("create directory", path)?;
    let fd = open_beneath(
        parent.as_fd(),
        name.as_bytes(),
        OFlag::O_RDONLY | OFlag::O_DIRECTORY,
    )
    .during("open directory", path)?;
    // The caller's umask has no say in an image.
    fchmod(&fd, Mode::from_bits_truncate(0o755)).during("change mode of", path)
}

/// Opens `name` under `root` with no symlink followed anywhere; an empty name is the root itself.
pub(super) fn open_beneath(
    root: BorrowedFd<'_>,
    name: &[u8],
    flags: OFlag,
) -> nix::Result<OwnedFd> {
    let how = OpenHow::new()
        .flags(flags | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW)
        .resolve(
            ResolveFlag::RESOLVE_BENEATH
                | ResolveFlag::RESOLVE_NO_MAGICLINKS
                | ResolveFlag::RESOLVE_NO_SYMLINKS,
        );
    let name = if name.is_empty() { b"." } else { name };
    openat2(root, OsStr::from_bytes(name), how)
}

/// Whether `stat` is of file type `kind`.
pub(super) fn is(stat: &FileStat, kind: SFlag) -> bool {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == kind
}

/// Access and modification time.
pub(super) fn times_of(stat: &FileStat) -> (TimeSpec, TimeSpec) {
    (
        TimeSpec::new(stat.st_atime, stat.st_atime_nsec),
        TimeSpec::new(stat.st_mtime, stat.st_mtime_nsec),
    )
}
