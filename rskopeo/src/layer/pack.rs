//! From changes in a tree to a layer: the way back of `extract`.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::stat::{SFlag, major, minor};
use nix::sys::time::TimeSpec;

use super::archive::{Entry, Kind, write};
use super::diff::Changes;
use super::error::{During, LayerError, Result};
use super::owners::Owners;
use super::path::{join, split};
use super::walk::{Found, Step, walk};
use super::xattr;

const BUFFER: usize = 128 * 1024;

/// Writes `changes` of the tree at `root` as a layer. Directories on the way to a change come with it, so that a tool that
/// makes missing parents by itself makes them right. Sockets have no place in an archive; their number is given back.
///
/// # Errors
/// A file cannot be read or stored, or changes while it is read.
pub fn pack(
    root: &OwnedFd,
    changes: &Changes,
    owners: &Owners,
    output: &mut impl Write,
) -> Result<usize> {
    let mut packer = Packer {
        wanted: with_parents(changes),
        links: HashMap::new(),
        sockets: 0,
        owners,
        output,
    };
    walk(root.as_fd(), &mut |step| match step {
        Step::At(found) => packer.file(found),
        Step::Left => Ok(()),
    })?;
    for path in &changes.removed {
        packer.whiteout(path)?;
    }
    write::end(packer.output)?;
    Ok(packer.sockets)
}

fn with_parents(changes: &Changes) -> BTreeSet<Vec<u8>> {
    let mut wanted = changes.changed.clone();
    for path in changes.changed.iter().chain(&changes.removed) {
        let mut parent = split(path).0;
        while !parent.is_empty() && wanted.insert(parent.to_vec()) {
            parent = split(parent).0;
        }
    }
    wanted
}

struct Packer<'a, W> {
    wanted: BTreeSet<Vec<u8>>,
    /// Where a file of several names was first met, by device and inode.
    links: HashMap<(u64, u64), Vec<u8>>,
    sockets: usize,
    owners: &'a Owners,
    output: &'a mut W,
}

impl<W: Write> Packer<'_, W> {
    fn file(&mut self, found: &Found<'_>) -> Result<()> {
        if !self.wanted.contains(found.path) {
            return Ok(());
        }
        let (_, name) = split(found.path);
        if name.starts_with(b".wh.") {
            let reason = "in a layer its name would mean that another file is removed";
            return Err(LayerError::refused(found.path, reason));
        }
        let Some(kind) = kind(found) else {
            self.sockets += 1;
            return Ok(());
        };
        let mut entry = self.entry(found, kind)?;
        if kind != Kind::Directory && found.stat.st_nlink > 1 {
            let inode = (found.stat.st_dev, found.stat.st_ino);
            match self.links.get(&inode) {
                Some(first) => {
                    entry.kind = Kind::HardLink;
                    entry.link.clone_from(first);
                    entry.size = 0;
                    entry.xattrs.clear();
                }
                None => {
                    self.links.insert(inode, found.path.to_vec());
                }
            }
        }
        write::header(self.output, &entry)?;
        if entry.kind == Kind::File {
            self.content(found, entry.size)?;
        }
        Ok(())
    }

    fn entry(&self, found: &Found<'_>, kind: Kind) -> Result<Entry> {
        let stat = &found.stat;
        let xattrs = found.xattrs()?;
        let (uid, gid) = self
            .owners
            .in_layer(found.path, (stat.st_uid, stat.st_gid), &xattrs)?;
        let xattrs = xattrs
            .into_iter()
            .filter(|(name, _)| !self.owners.is_record(name) && !xattr::is_overlay(name))
            .collect();
        let path = if found.path.is_empty() {
            b"."
        } else {
            found.path
        };
        Ok(Entry {
            path: path.to_vec(),
            link: match kind {
                Kind::Symlink => found.link_target()?,
                _ => Vec::new(),
            },
            kind,
            mode: stat.st_mode & 0o7777,
            uid,
            gid,
            mtime: TimeSpec::new(stat.st_mtime, 0),
            atime: None,
            ctime: None,
            device: match kind {
                Kind::Char | Kind::Block => {
                    (major(stat.st_rdev) as u32, minor(stat.st_rdev) as u32)
                }
                _ => (0, 0),
            },
            xattrs,
            size: match kind {
                Kind::File => stat.st_size.unsigned_abs(),
                _ => 0,
            },
            sparse: None,
        })
    }

    fn content(&mut self, found: &Found<'_>, size: u64) -> Result<()> {
        let mut file = File::from(found.open()?).take(size);
        let mut buffer = vec![0; BUFFER.min(size as usize)];
        let mut left = size;
        while left > 0 {
            let n = file.read(&mut buffer).during("read", found.path)?;
            if n == 0 {
                return Err(LayerError::refused(
                    found.path,
                    "it became shorter while it was read",
                ));
            }
            self.output.write_all(&buffer[..n])?;
            left -= n as u64;
        }
        write::pad(self.output, size)?;
        Ok(())
    }

    fn whiteout(&mut self, path: &[u8]) -> Result<()> {
        let (parent, name) = split(path);
        let entry = Entry {
            path: join(parent, &[b".wh.", name].concat()),
            link: Vec::new(),
            kind: Kind::File,
            mode: 0o644,
            uid: 0,
            gid: 0,
            mtime: TimeSpec::new(0, 0),
            atime: None,
            ctime: None,
            device: (0, 0),
            xattrs: Vec::new(),
            size: 0,
            sparse: None,
        };
        write::header(self.output, &entry)
    }
}

/// None for a socket.
fn kind(found: &Found<'_>) -> Option<Kind> {
    [
        (SFlag::S_IFREG, Kind::File),
        (SFlag::S_IFDIR, Kind::Directory),
        (SFlag::S_IFLNK, Kind::Symlink),
        (SFlag::S_IFBLK, Kind::Block),
        (SFlag::S_IFCHR, Kind::Char),
        (SFlag::S_IFIFO, Kind::Fifo),
    ]
    .into_iter()
    .find(|(flag, _)| found.is(*flag))
    .map(|(_, kind)| kind)
}
