//! A tree written as a tar archive.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, major, minor};
use nix::sys::statfs::{
    CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEVPTS_SUPER_MAGIC, PROC_SUPER_MAGIC, SYSFS_MAGIC,
    fstatfs,
};
use tar::EntryType;

use super::pax::{self, Entry};
use super::{Root, kind, look, xattr};
use crate::engine::container::record::Container;
use crate::engine::user_namespace::Maps;

/// In what form files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As they are.
    Plain,
    /// An upper directory of overlayfs as a layer: what it hides is written as whiteouts (image-spec, layer.md).
    Layer,
}

#[derive(Debug)]
pub struct Packer<W> {
    out: W,
    form: Form,
    /// Where an inode with several names was written first.
    linked: HashMap<(u64, u64), Vec<u8>>,
    /// Owners are written as a container with these users knows them.
    users: Option<Maps>,
    /// Empty files that are left out: something was only mounted on them.
    mount_points: HashSet<Vec<u8>>,
}

impl<W: Write> Packer<W> {
    pub fn new(out: W, form: Form) -> Packer<W> {
        Packer {
            out,
            form,
            linked: HashMap::new(),
            users: None,
            mount_points: HashSet::new(),
        }
    }

    /// Leaves out what the runtime made at these places for mounts.
    pub fn without(self, mount_points: impl Iterator<Item = PathBuf>) -> Packer<W> {
        let relative = |path: PathBuf| {
            let path = path.strip_prefix("/").unwrap_or(&path);
            path.as_os_str().as_bytes().to_vec()
        };
        Packer {
            mount_points: mount_points.map(relative).collect(),
            ..self
        }
    }

    /// Files of a container that may have users of its own.
    pub fn of(self, container: &Container) -> Packer<W> {
        Packer {
            users: container.user_namespace.maps().cloned(),
            ..self
        }
    }

    /// Writes what a path leads to, and all below it, under the name `name`; without a name only what is below a directory.
    pub fn add(&mut self, root: &Root, path: &Path, name: Option<&OsStr>) -> Result<()> {
        let failed = || format!("reading {}", path.display());
        let stat = root.stat(path).with_context(failed)?;
        let name = name
            .map(|name| name.as_bytes().to_vec())
            .unwrap_or_default();
        if super::is_dir(&stat) {
            let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
            let dir = root.open_at(path, flags).with_context(failed)?;
            if !name.is_empty() {
                self.directory(&dir, &stat, &name).with_context(failed)?;
            }
            return self.below(dir, &name);
        }
        let (parent, last) = root.parent(path).with_context(failed)?;
        // A link was followed to somewhere else: what it leads to is copied, under the asked name.
        match look(&parent, &last).with_context(failed)? {
            Some(found) if kind(&found) != SFlag::S_IFLNK => {
                self.one(&parent, &last, &found, &name)
            }
            _ => {
                let file = root
                    .open_at(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK)
                    .with_context(failed)?;
                self.regular(file, &name).with_context(failed)
            }
        }
    }

    /// Ends the archive and gives the writer back.
    pub fn finish(mut self) -> Result<W> {
        pax::end(&mut self.out).context("writing the archive")?;
        self.out.flush().context("writing the archive")?;
        Ok(self.out)
    }

    fn below(&mut self, dir: OwnedFd, path: &[u8]) -> Result<()> {
        let failed = || format!("reading the directory {:?}", String::from_utf8_lossy(path));
        let mut names: Vec<OsString> = Vec::new();
        let mut stream = Dir::from_fd(dir).with_context(failed)?;
        for entry in stream.iter() {
            let entry = entry.with_context(failed)?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name.to_vec()));
            }
        }
        names.sort();
        for name in names {
            let path = join(path, name.as_bytes());
            // It may be gone since it was listed.
            if let Some(stat) = look(&stream, &name).with_context(failed)? {
                self.one(&stream, &name, &stat, &path)?;
            }
        }
        Ok(())
    }

    fn one(&mut self, dir: impl AsFd, name: &OsStr, stat: &FileStat, path: &[u8]) -> Result<()> {
        let failed = || format!("reading {:?}", String::from_utf8_lossy(path));
        if self.form == Form::Layer && is_whiteout(stat) {
            return self.whiteout(path, name).context("writing the archive");
        }
        // The directory's own entry is followed by it.
        if self.form == Form::Layer && name.as_bytes() == OPAQUE {
            return Ok(());
        }
        match kind(stat) {
            SFlag::S_IFDIR => {
                let flags =
                    OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                match openat(&dir, name, flags, Mode::empty()) {
                    Err(Errno::ENOENT) => Ok(()),
                    opened => {
                        let opened = opened.with_context(failed)?;
                        self.directory(&opened, stat, path).with_context(failed)?;
                        let is_other = fstat(&dir).with_context(failed)?.st_dev != stat.st_dev;
                        if is_other && is_kernels(&opened).with_context(failed)? {
                            return Ok(());
                        }
                        self.below(opened, path)
                    }
                }
            }
            SFlag::S_IFREG if stat.st_size == 0 && self.mount_points.contains(path) => Ok(()),
            SFlag::S_IFREG => {
                let flags =
                    OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
                match openat(&dir, name, flags, Mode::empty()) {
                    Err(Errno::ENOENT) => Ok(()),
                    opened => self
                        .regular(opened.with_context(failed)?, path)
                        .with_context(failed),
                }
            }
            // A socket lives with its process.
            SFlag::S_IFSOCK => Ok(()),
            _ => self.special(dir, name, stat, path).with_context(failed),
        }
    }

    fn directory(&mut self, dir: &OwnedFd, stat: &FileStat, path: &[u8]) -> io::Result<()> {
        let mut name = path.to_vec();
        name.push(b'/');
        Entry {
            attributes: attributes(dir)?,
            ..self.described(stat, &name, EntryType::Directory)
        }
        .write(&mut self.out)?;
        if self.form == Form::Layer && is_opaque(dir)? {
            Entry {
                path: join(path, OPAQUE),
                ..Entry::default()
            }
            .write(&mut self.out)?;
        }
        Ok(())
    }

    fn regular(&mut self, file: OwnedFd, path: &[u8]) -> io::Result<()> {
        let stat = fstat(&file)?;
        if stat.st_nlink > 1 {
            if let Some(first) = self.linked.get(&(stat.st_dev, stat.st_ino)) {
                let entry = Entry {
                    link: first.clone(),
                    ..self.described(&stat, path, EntryType::Link)
                };
                return entry.write(&mut self.out);
            }
            self.linked
                .insert((stat.st_dev, stat.st_ino), path.to_vec());
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        Entry {
            size,
            attributes: attributes(&file)?,
            ..self.described(&stat, path, EntryType::Regular)
        }
        .write(&mut self.out)?;
        // The header has promised a size: a file that grows is cut, one that shrinks is filled up.
        let copied = io::copy(&mut File::from(file).take(size), &mut self.out)?;
        io::copy(&mut io::repeat(0).take(size - copied), &mut self.out)?;
        pax::pad(&mut self.out, size)
    }

    fn special(
        &mut self,
        dir: impl AsFd,
        name: &OsStr,
        stat: &FileStat,
        path: &[u8],
    ) -> io::Result<()> {
        let device = (small(major(stat.st_rdev)), small(minor(stat.st_rdev)));
        let mut entry = match kind(stat) {
            SFlag::S_IFLNK => self.described(stat, path, EntryType::Symlink),
            SFlag::S_IFIFO => self.described(stat, path, EntryType::Fifo),
            SFlag::S_IFBLK => Entry {
                device,
                ..self.described(stat, path, EntryType::Block)
            },
            _ => Entry {
                device,
                ..self.described(stat, path, EntryType::Char)
            },
        };
        if entry.kind == Some(EntryType::Symlink) {
            entry.link = readlinkat(dir, name)?.into_vec();
        }
        entry.write(&mut self.out)
    }

    fn described(&self, stat: &FileStat, path: &[u8], kind: EntryType) -> Entry {
        let (uid, gid) = match &self.users {
            // Whom the container does not have is nobody there.
            Some(maps) => maps
                .inside(stat.st_uid, stat.st_gid)
                .unwrap_or((65534, 65534)),
            None => (stat.st_uid, stat.st_gid),
        };
        Entry {
            path: path.to_vec(),
            kind: Some(kind),
            mode: stat.st_mode & 0o7777,
            uid: uid.into(),
            gid: gid.into(),
            mtime: stat.st_mtime,
            ..Entry::default()
        }
    }

    fn whiteout(&mut self, path: &[u8], name: &OsStr) -> io::Result<()> {
        let mut whiteout = path[..path.len() - name.len()].to_vec();
        whiteout.extend_from_slice(b".wh.");
        whiteout.extend_from_slice(name.as_bytes());
        Entry {
            path: whiteout,
            ..Entry::default()
        }
        .write(&mut self.out)
    }
}

fn attributes(fd: &OwnedFd) -> io::Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let named =
        |(name, value): (CString, Vec<u8>)| ([b"SCHILY.xattr.", name.as_bytes()].concat(), value);
    Ok(xattr::read(fd)?.into_iter().map(named).collect())
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() {
        return name.to_vec();
    }
    [directory, b"/", name].concat()
}

/// What is mounted there is the kernel's own, and no files of anybody's.
fn is_kernels(dir: &OwnedFd) -> nix::Result<bool> {
    let kind = fstatfs(dir)?.filesystem_type();
    Ok([
        PROC_SUPER_MAGIC,
        SYSFS_MAGIC,
        CGROUP_SUPER_MAGIC,
        CGROUP2_SUPER_MAGIC,
        DEVPTS_SUPER_MAGIC,
    ]
    .contains(&kind))
}

/// How overlayfs notes that what the lower layers have of this name is gone.
pub fn is_whiteout(stat: &FileStat) -> bool {
    kind(stat) == SFlag::S_IFCHR && stat.st_rdev == 0
}

/// How a layer notes that a directory hides the lower ones of its name (image-spec, layer.md), and fuse-overlayfs in the tree, too.
pub(super) const OPAQUE: &[u8] = b".wh..wh..opq";

/// How overlayfs notes it.
pub fn is_opaque(dir: impl AsFd) -> Result<bool, Errno> {
    for name in [c"trusted.overlay.opaque", c"user.overlay.opaque"] {
        if xattr::get(&dir, name)?.as_deref() == Some(b"y") {
            return Ok(true);
        }
    }
    look(&dir, OsStr::from_bytes(OPAQUE)).map(|found| found.is_some())
}
