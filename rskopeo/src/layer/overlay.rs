//! What a layer on its own leaves open in overlay form, made up from the layers below it.
//!
//! An archive may put a file into a directory for which it has no entry. Mounted as an overlay, the directory made for it
//! would cover the lower one's owner and mode; so it gets them from there. And it may hard-link to a file of a lower layer:
//! that file is copied up first, as overlayfs itself does.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat, futimens};
use nix::unistd::{Gid, LinkatFlags, Uid, fchown, linkat};

use super::error::{During, LayerError, Result};
use super::path::{components, join, shown, split};
use super::tree::{Made, Tree, is, open_beneath, times_of};
use super::{whiteout, xattr};

/// What waits for the layers below. Most layers leave nothing.
#[derive(Debug, Default)]
pub struct Unsettled {
    /// Directories whose attributes are those of lower layers.
    pub(super) implied: BTreeSet<Vec<u8>>,
    pub(super) foreign: Vec<ForeignLink>,
}

/// A hard link to a file that this layer does not have.
#[derive(Debug)]
pub(super) struct ForeignLink {
    pub(super) path: Vec<u8>,
    pub(super) target: Vec<u8>,
}

impl Unsettled {
    pub fn is_empty(&self) -> bool {
        self.implied.is_empty() && self.foreign.is_empty()
    }

    /// Settles everything in the layer's tree `root`. `lowers` are the trees below it, the nearest first.
    pub fn settle(self, root: OwnedFd, lowers: &[OwnedFd]) -> Result<()> {
        let mut tree = Tree::new(root);
        for link in &self.foreign {
            settle_link(&mut tree, link, lowers)?;
        }
        for path in &self.implied {
            settle_directory(&tree, path, lowers)?;
        }
        Ok(())
    }
}

fn settle_directory(tree: &Tree, path: &[u8], lowers: &[OwnedFd]) -> Result<()> {
    let Some((lower, stat)) = find(path, lowers)? else {
        return Ok(());
    };
    if !is(&stat, SFlag::S_IFDIR) {
        return Ok(());
    }
    let from = open_beneath(lower, path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)
        .during("open directory", path)?;
    match tree.open_dir(path) {
        Ok(to) => copy_attributes(&from, &to, path),
        // Replaced by a later entry of the archive.
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Ok(()),
        Err(errno) => Err(errno).during("open directory", path),
    }
}

fn settle_link(tree: &mut Tree, link: &ForeignLink, lowers: &[OwnedFd]) -> Result<()> {
    let missing = || {
        LayerError::refused(
            &link.path,
            format!(
                "its hard link target /{} does not exist",
                shown(&link.target)
            ),
        )
    };
    let (lower, stat) = find(&link.target, lowers)?.ok_or_else(missing)?;
    if !is(&stat, SFlag::S_IFREG) {
        return Err(LayerError::refused(
            &link.path,
            format!(
                "its hard link target /{} in a lower layer is not a file",
                shown(&link.target)
            ),
        ));
    }
    let mut made = Made::default();
    let (target_parent, target_name) = split(&link.target);
    let to = reopen(&tree.enter(target_parent, &mut made)?.fd)?;
    copy_up(lower, &link.target, &to, OsStr::from_bytes(target_name))?;
    let (parent, name) = split(&link.path);
    let parent = tree.enter(parent, &mut made)?;
    match linkat(
        &to,
        OsStr::from_bytes(target_name),
        &parent.fd,
        OsStr::from_bytes(name),
        LinkatFlags::empty(),
    ) {
        // A later entry of the archive has taken the name.
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(errno) => return Err(errno).during("create hard link", &link.path),
    }
    tree.leave()?;
    made.implied
        .iter()
        .try_for_each(|path| settle_directory(tree, path, lowers))
}

/// The nearest lower tree that shows `path`, with what is there.
fn find<'a>(path: &[u8], lowers: &'a [OwnedFd]) -> Result<Option<(BorrowedFd<'a>, FileStat)>> {
    // Most trees know nothing of a path. One call tells that; only those above one that does may hide it.
    let has = |lower: &OwnedFd| {
        open_beneath(lower.as_fd(), path, OFlag::O_PATH).err() != Some(Errno::ENOENT)
    };
    let Some(last) = lowers.iter().position(has) else {
        return Ok(None);
    };
    for lower in &lowers[..=last] {
        match look(path, lower.as_fd())? {
            Look::Found(stat) => return Ok(Some((lower.as_fd(), stat))),
            Look::Hidden => return Ok(None),
            Look::Further => {}
        }
    }
    Ok(None)
}

enum Look {
    Found(FileStat),
    /// Nothing there, and nothing of the layers below is to be seen.
    Hidden,
    Further,
}

fn look(path: &[u8], lower: BorrowedFd<'_>) -> Result<Look> {
    let mut here = Vec::new();
    let mut found = None;
    let mut opaque = false;
    for component in components(path) {
        let directory = open_beneath(lower, &here, OFlag::O_RDONLY | OFlag::O_DIRECTORY)
            .during("open directory", &here)?;
        opaque |= is_opaque(&directory, &here)?;
        here = join(&here, component);
        match fstatat(
            &directory,
            OsStr::from_bytes(component),
            AtFlags::AT_SYMLINK_NOFOLLOW,
        ) {
            Ok(stat) if whiteout::is_device(&stat) => return Ok(Look::Hidden),
            Ok(stat) if is(&stat, SFlag::S_IFDIR) || here == path => found = Some(stat),
            Ok(_) => return Ok(Look::Hidden),
            Err(Errno::ENOENT) if opaque => return Ok(Look::Hidden),
            Err(Errno::ENOENT) => return Ok(Look::Further),
            Err(errno) => return Err(errno).during("stat", &here),
        }
    }
    Ok(found.map_or(Look::Further, Look::Found))
}

fn is_opaque(directory: &OwnedFd, path: &[u8]) -> Result<bool> {
    let attributes = xattr::all(directory.as_fd()).during("list extended attributes of", path)?;
    Ok(attributes.iter().any(|(name, value)| {
        matches!(
            name.to_bytes(),
            b"trusted.overlay.opaque" | b"user.overlay.opaque"
        ) && value == b"y"
    }))
}

fn copy_up(lower: BorrowedFd<'_>, path: &[u8], to: &OwnedFd, name: &OsStr) -> Result<()> {
    let flags =
        OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let copy = match openat(to, name, flags, Mode::S_IRUSR | Mode::S_IWUSR) {
        Ok(copy) => copy,
        // Copied up for an earlier link.
        Err(Errno::EEXIST) => return Ok(()),
        Err(errno) => return Err(errno).during("create", path),
    };
    let from = open_beneath(lower, path, OFlag::O_RDONLY).during("open", path)?;
    let (mut source, mut sink) = (std::fs::File::from(from), std::fs::File::from(copy));
    io::copy(&mut source, &mut sink).during("copy", path)?;
    copy_attributes(&source.into(), &sink.into(), path)
}

/// In the order in which an archive's attributes are set, and for the same reason.
fn copy_attributes(from: &OwnedFd, to: &OwnedFd, path: &[u8]) -> Result<()> {
    let stat = fstat(from).during("stat", path)?;
    fchown(
        to,
        Some(Uid::from_raw(stat.st_uid)),
        Some(Gid::from_raw(stat.st_gid)),
    )
    .during("change owner of", path)?;
    fchmod(to, Mode::from_bits_truncate(stat.st_mode)).during("change mode of", path)?;
    let attributes = xattr::all(from.as_fd()).during("list extended attributes of", path)?;
    for (name, value) in attributes {
        let bytes = name.to_bytes();
        if !xattr::is_overlay(bytes) && !xattr::is_host_own(bytes) {
            xattr::set(to.as_fd(), &name, &value).during("set an extended attribute of", path)?;
        }
    }
    let times = times_of(&stat);
    futimens(to, &times.0, &times.1).during("set times of", path)
}

fn reopen(directory: &OwnedFd) -> Result<OwnedFd> {
    directory.try_clone().during("duplicate descriptor of", b"")
}
