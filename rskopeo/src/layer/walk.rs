//! Walking a tree that something else may have made: every file once, no symlink followed, parents before children.

use std::ffi::{CString, OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, readlinkat};
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, SFlag, fchmod, fchmodat, fstat, fstatat};

use super::error::{During, LayerError, Result};
use super::path::{components, join};
use super::tree::{DEPTH_LIMIT, is, open_beneath};
use super::xattr;

/// A file that was come upon.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// From the root, which is empty itself.
    pub(super) path: &'a [u8],
    pub(super) stat: FileStat,
    /// The directory that it is in; for the root, itself.
    parent: BorrowedFd<'a>,
    name: &'a OsStr,
}

impl Found<'_> {
    pub(super) fn is(&self, kind: SFlag) -> bool {
        is(&self.stat, kind)
    }

    /// Opens a regular file or a directory for reading. What its owner may not read is made readable for that moment.
    pub(super) fn open(&self) -> Result<OwnedFd> {
        let open = || {
            let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK;
            open_beneath(self.parent, self.name.as_bytes(), flags)
        };
        let mode = Mode::from_bits_truncate(self.stat.st_mode);
        match open() {
            Err(Errno::EACCES) if !self.is(SFlag::S_IFLNK) => {
                let readable = mode | Mode::S_IRUSR;
                let follow = FchmodatFlags::FollowSymlink;
                fchmodat(self.parent, self.name, readable, follow)
                    .during("make readable", self.path)?;
                let file = open().during("open", self.path)?;
                fchmod(&file, mode).during("change mode of", self.path)?;
                Ok(file)
            }
            opened => opened.during("open", self.path),
        }
    }

    pub(super) fn link_target(&self) -> Result<Vec<u8>> {
        readlinkat(self.parent, self.name)
            .map(OsStringExt::into_vec)
            .during("read link", self.path)
    }

    /// Extended attributes by name, without those of the machine.
    pub(super) fn xattrs(&self) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let all = if self.is(SFlag::S_IFREG) || self.is(SFlag::S_IFDIR) {
            self.xattrs_of(&self.open()?)
        } else {
            xattr::all_at(self.parent, self.name)
        }
        .during("list extended attributes of", self.path)?;
        Ok(all
            .into_iter()
            .map(|(name, value)| (name.into_bytes(), value))
            .filter(|(name, _)| !xattr::is_host_own(name))
            .collect())
    }

    /// A user's attributes are for who may read the file now, however it was opened.
    fn xattrs_of(&self, file: &OwnedFd) -> nix::Result<Vec<(CString, Vec<u8>)>> {
        match xattr::all(file.as_fd()) {
            Err(Errno::EACCES) => {
                let mode = Mode::from_bits_truncate(self.stat.st_mode);
                fchmod(file, mode | Mode::S_IRUSR)?;
                let all = xattr::all(file.as_fd());
                fchmod(file, mode)?;
                all
            }
            all => all,
        }
    }
}

/// What a walk comes to.
#[derive(Debug)]
pub(super) enum Step<'a> {
    At(&'a Found<'a>),
    /// After a directory's last file.
    Left,
}

pub(super) type Visit<'a> = dyn FnMut(Step<'_>) -> Result<()> + 'a;

/// Calls `visit` for the root and all below it: in each directory what is no directory first, then directory by directory,
/// each in the order of names.
pub(super) fn walk(root: BorrowedFd<'_>, visit: &mut Visit<'_>) -> Result<()> {
    let stat = fstat(root).during("stat", b"")?;
    visit(Step::At(&Found {
        path: b"",
        stat,
        parent: root,
        name: OsStr::new("."),
    }))?;
    directory(root, b"", &stat, visit)
}

fn directory(
    root: BorrowedFd<'_>,
    path: &[u8],
    stat: &FileStat,
    visit: &mut Visit<'_>,
) -> Result<()> {
    if components(path).count() > DEPTH_LIMIT {
        let reason = format!("it is more than {DEPTH_LIMIT} directories deep");
        return Err(LayerError::refused(path, reason));
    }
    let opened = Opened::new(root, path, stat)?;
    let mut below = Vec::new();
    for name in names(&opened.fd, path)? {
        let here = join(path, name.as_bytes());
        let stat = fstatat(&opened.fd, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW)
            .during("stat", &here)?;
        if is(&stat, SFlag::S_IFDIR) {
            below.push((name, here, stat));
            continue;
        }
        visit(Step::At(&Found {
            path: &here,
            stat,
            parent: opened.fd.as_fd(),
            name: &name,
        }))?;
    }
    for (name, here, stat) in below {
        visit(Step::At(&Found {
            path: &here,
            stat,
            parent: opened.fd.as_fd(),
            name: &name,
        }))?;
        directory(root, &here, &stat, visit)?;
    }
    opened.close(path)?;
    visit(Step::Left)
}

/// A directory being walked, with the mode that it has to have again if it had to be opened up.
struct Opened {
    fd: OwnedFd,
    closed: Option<Mode>,
}

impl Opened {
    fn new(root: BorrowedFd<'_>, path: &[u8], stat: &FileStat) -> Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
        let mode = Mode::from_bits_truncate(stat.st_mode);
        let wanted = mode | Mode::S_IRUSR | Mode::S_IXUSR;
        let theirs = nix::unistd::geteuid().as_raw() != stat.st_uid;
        if mode == wanted || theirs || nix::unistd::geteuid().is_root() {
            let fd = open_beneath(root, path, flags).during("open directory", path)?;
            return Ok(Self { fd, closed: None });
        }
        let (parent, name) = super::path::split(path);
        let parent = open_beneath(root, parent, flags).during("open directory", parent)?;
        let name = if name.is_empty() { b"." } else { name };
        let follow = FchmodatFlags::FollowSymlink;
        fchmodat(&parent, OsStr::from_bytes(name), wanted, follow).during("make readable", path)?;
        let fd = open_beneath(root, path, flags).during("open directory", path)?;
        Ok(Self {
            fd,
            closed: Some(mode),
        })
    }

    fn close(self, path: &[u8]) -> Result<()> {
        match self.closed {
            Some(mode) => fchmod(&self.fd, mode).during("change mode of", path),
            None => Ok(()),
        }
    }
}

fn names(directory: &OwnedFd, path: &[u8]) -> Result<Vec<OsString>> {
    let listing = open_beneath(directory.as_fd(), b"", OFlag::O_RDONLY | OFlag::O_DIRECTORY)
        .and_then(Dir::from_fd)
        .during("open directory", path)?;
    let mut names = Vec::new();
    for entry in listing {
        let entry = entry.during("list", path)?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}
