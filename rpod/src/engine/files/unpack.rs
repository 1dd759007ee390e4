//! A tar archive read into a tree: `rpod cp`.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{
    FchmodatFlags, Mode, SFlag, UtimensatFlags, fchmodat, makedev, mkdirat, mknodat, utimensat,
};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, LinkatFlags, Uid, UnlinkatFlags, fchownat, linkat, symlinkat, unlinkat};
use tar::{Archive, Entry, EntryType};

use super::{Root, is_dir, look, plain, xattr};
use crate::engine::user_namespace::Maps;

/// What becomes of the files on their way.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whose they will be; theirs in the archive if nobody's.
    pub owner: Option<(u32, u32)>,
    /// Owners are those of a container with these users.
    pub users: Option<Maps>,
    /// A directory may take the place of something else, and something else that of a directory.
    pub overwrite: bool,
    /// Device nodes are left out.
    pub no_devices: bool,
}

/// Puts an archive's entries below the directory `to` of the root.
pub fn unpack(archive: impl Read, root: &Root, to: &Path, options: &Options) -> Result<()> {
    let mut archive = Archive::new(archive);
    let mut directories = Vec::new();
    for entry in archive.entries().context("reading the archive")? {
        let mut entry = entry.context("reading the archive")?;
        let path = to.join(plain(&entry.path_bytes()));
        let placed = place(&mut entry, root, to, &path, options);
        placed
            .with_context(|| format!("copying: error creating {:?}", path.display().to_string()))?;
        if entry.header().entry_type() == EntryType::Directory {
            directories.push((path, entry.header().mtime().unwrap_or(0)));
        }
    }
    // What was put into a directory changed its time.
    for (path, mtime) in directories.into_iter().rev() {
        if let Ok((parent, name)) = root.parent(&path) {
            touch(&parent, &name, mtime)
                .with_context(|| format!("setting the time of {}", path.display()))?;
        }
    }
    Ok(())
}

fn place(
    entry: &mut Entry<impl Read>,
    root: &Root,
    to: &Path,
    path: &Path,
    options: &Options,
) -> Result<()> {
    let kind = entry.header().entry_type();
    if path == to && kind == EntryType::Directory {
        return Ok(());
    }
    let (parent, name) = parent_made(root, path)?;
    if kind == EntryType::Directory {
        make_directory(&parent, &name, options)?;
    } else {
        make_room(&parent, &name, options)?;
        let mode = Mode::from_bits_truncate(entry.header().mode()?);
        match kind {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                return file(entry, &parent, &name, options);
            }
            EntryType::Symlink => {
                let target = entry.link_name_bytes().context("a link without a target")?;
                symlinkat(os(&target), &parent, name.as_os_str())?;
            }
            EntryType::Link => {
                let target = entry.link_name_bytes().context("a link without a target")?;
                let (from, target) = root.parent(&to.join(plain(&target)))?;
                linkat(
                    &from,
                    target.as_os_str(),
                    &parent,
                    name.as_os_str(),
                    LinkatFlags::empty(),
                )?;
                return Ok(());
            }
            EntryType::Fifo => mknodat(&parent, name.as_os_str(), SFlag::S_IFIFO, mode, 0)?,
            EntryType::Char | EntryType::Block if options.no_devices => return Ok(()),
            EntryType::Char | EntryType::Block => {
                let header = entry.header();
                let number = |part: Option<u32>| part.map(u64::from).unwrap_or(0);
                let device = makedev(
                    number(header.device_major()?),
                    number(header.device_minor()?),
                );
                let kind = if kind == EntryType::Char {
                    SFlag::S_IFCHR
                } else {
                    SFlag::S_IFBLK
                };
                mknodat(&parent, name.as_os_str(), kind, mode, device)?;
            }
            other => bail!(
                "an entry of type {:?} is not known",
                char::from(other.as_byte())
            ),
        }
    }
    let (uid, gid) = owner(entry, options)?;
    fchownat(
        &parent,
        name.as_os_str(),
        Some(uid),
        Some(gid),
        AtFlags::AT_SYMLINK_NOFOLLOW,
    )?;
    if kind != EntryType::Symlink {
        let mode = Mode::from_bits_truncate(entry.header().mode()?);
        chmod(&parent, &name, mode)?;
    }
    Ok(touch(&parent, &name, entry.header().mtime()?)?)
}

/// Never through a link, which somebody may have put there since.
fn chmod(parent: impl AsFd, name: &OsStr, mode: Mode) -> Result<(), Errno> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let fd = openat(parent, name, flags, Mode::empty())?;
    let own = format!("/proc/self/fd/{}", fd.as_raw_fd());
    fchmodat(
        nix::fcntl::AT_FDCWD,
        own.as_str(),
        mode,
        FchmodatFlags::FollowSymlink,
    )
}

fn file(
    entry: &mut Entry<impl Read>,
    parent: impl AsFd,
    name: &OsStr,
    options: &Options,
) -> Result<()> {
    let flags =
        OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let fd = openat(&parent, name, flags, Mode::from_bits_truncate(0o600))?;
    let mut out = File::from(fd);
    io::copy(entry, &mut out)?;
    let (uid, gid) = owner(entry, options)?;
    nix::unistd::fchown(&out, Some(uid), Some(gid))?;
    nix::sys::stat::fchmod(&out, Mode::from_bits_truncate(entry.header().mode()?))?;
    for (name, value) in attributes(entry)? {
        match xattr::set(&out, &name, &value) {
            // As with cp: where a file system or a caller cannot keep it, the file comes without.
            Ok(()) | Err(Errno::ENOTSUP | Errno::EPERM) => {}
            Err(errno) => return Err(errno).with_context(|| format!("setting {name:?}")),
        }
    }
    drop(out);
    Ok(touch(parent, name, entry.header().mtime()?)?)
}

fn attributes(entry: &mut Entry<impl Read>) -> Result<Vec<(CString, Vec<u8>)>> {
    let mut found = Vec::new();
    for record in entry.pax_extensions()?.into_iter().flatten() {
        let record = record?;
        if let Some(name) = record.key_bytes().strip_prefix(b"SCHILY.xattr.")
            && xattr::is_portable(name)
        {
            found.push((CString::new(name)?, record.value_bytes().to_vec()));
        }
    }
    Ok(found)
}

fn owner(entry: &Entry<impl Read>, options: &Options) -> io::Result<(Uid, Gid)> {
    let id = |number: u64| u32::try_from(number).unwrap_or(65_534);
    let (uid, gid) = match options.owner {
        Some(owner) => owner,
        None => (id(entry.header().uid()?), id(entry.header().gid()?)),
    };
    let (uid, gid) = match &options.users {
        Some(maps) => maps.outside(uid, gid),
        None => (uid, gid),
    };
    Ok((Uid::from_raw(uid), Gid::from_raw(gid)))
}

/// The directory of the last component; those that an archive leaves out are made.
fn parent_made(root: &Root, path: &Path) -> Result<(std::os::fd::OwnedFd, std::ffi::OsString)> {
    match root.parent(path) {
        Err(Errno::ENOENT) => {}
        found => return Ok(found?),
    }
    let mut above = PathBuf::new();
    for part in path.parent().into_iter().flat_map(Path::components) {
        above.push(part);
        if let Err(Errno::ENOENT) = root.stat(&above) {
            let (parent, name) = root.parent(&above)?;
            mkdirat(&parent, name.as_os_str(), Mode::from_bits_truncate(0o755))?;
        }
    }
    Ok(root.parent(path)?)
}

fn make_directory(parent: impl AsFd, name: &OsStr, options: &Options) -> Result<()> {
    match look(&parent, name)? {
        Some(found) if is_dir(&found) => return Ok(()),
        Some(_) if !options.overwrite => {
            bail!(
                "a directory cannot take the place of what is no directory: file exists: use --overwrite"
            )
        }
        Some(_) => unlinkat(&parent, name, UnlinkatFlags::NoRemoveDir)?,
        None => {}
    }
    Ok(mkdirat(&parent, name, Mode::from_bits_truncate(0o755))?)
}

/// What is there gives way.
fn make_room(parent: impl AsFd, name: &OsStr, options: &Options) -> Result<()> {
    match look(&parent, name)? {
        None => Ok(()),
        Some(found) if is_dir(&found) && !options.overwrite => {
            bail!(
                "what is no directory cannot take the place of a directory: file exists: use --overwrite"
            )
        }
        Some(found) if is_dir(&found) => remove_tree(parent, name),
        Some(_) => Ok(unlinkat(parent, name, UnlinkatFlags::NoRemoveDir)?),
    }
}

pub(super) fn remove_tree(parent: impl AsFd, name: &OsStr) -> Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let fd = openat(&parent, name, flags, Mode::empty())?;
    let mut dir = nix::dir::Dir::from_fd(fd)?;
    let mut names = Vec::new();
    for entry in dir.iter() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(os(name).to_owned());
        }
    }
    for name in names {
        match look(&dir, &name)? {
            Some(found) if is_dir(&found) => remove_tree(&dir, &name)?,
            Some(_) => unlinkat(&dir, name.as_os_str(), UnlinkatFlags::NoRemoveDir)?,
            None => {}
        }
    }
    Ok(unlinkat(parent, name, UnlinkatFlags::RemoveDir)?)
}

fn touch(parent: impl AsFd, name: &OsStr, mtime: u64) -> Result<(), Errno> {
    let time = TimeSpec::new(i64::try_from(mtime).unwrap_or(0), 0);
    utimensat(parent, name, &time, &time, UtimensatFlags::NoFollowSymlink)
}

fn os(bytes: &[u8]) -> &OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::pack::{Form, Packer};
    use super::*;
    use proptest::prelude::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn round(from: &Path, to: &Path, options: &Options) -> Result<()> {
        let mut packer = Packer::new(Vec::new(), Form::Plain);
        packer.add(&Root::open(from)?, Path::new("/"), None)?;
        let bytes = packer.finish()?;
        unpack(&bytes[..], &Root::open(to)?, Path::new("/"), options)
    }

    #[test]
    fn a_tree_arrives_as_it_was() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let a = from.path();
        fs::create_dir(a.join("d")).unwrap();
        fs::write(a.join("d/file"), vec![7; 3000]).unwrap();
        fs::hard_link(a.join("d/file"), a.join("z")).unwrap();
        symlink("/etc/passwd", a.join("link")).unwrap();
        round(a, to.path(), &Options::default()).unwrap();
        assert_eq!(fs::read(to.path().join("d/file")).unwrap(), vec![7; 3000]);
        assert_eq!(
            fs::read_link(to.path().join("link")).unwrap(),
            Path::new("/etc/passwd")
        );
        assert_eq!(fs::read(to.path().join("z")).unwrap().len(), 3000);
    }

    #[test]
    fn a_link_in_the_way_is_replaced_not_followed() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("f"), "untouched").unwrap();
        fs::write(from.path().join("f"), "new").unwrap();
        symlink(outside.path().join("f"), to.path().join("f")).unwrap();
        round(from.path(), to.path(), &Options::default()).unwrap();
        assert_eq!(
            fs::read_to_string(outside.path().join("f")).unwrap(),
            "untouched"
        );
        assert_eq!(fs::read_to_string(to.path().join("f")).unwrap(), "new");
    }

    #[test]
    fn directories_give_way_only_when_told() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(from.path().join("x"), "new").unwrap();
        fs::create_dir_all(to.path().join("x/y")).unwrap();
        assert!(round(from.path(), to.path(), &Options::default()).is_err());
        let overwrite = Options {
            overwrite: true,
            ..Options::default()
        };
        round(from.path(), to.path(), &overwrite).unwrap();
        assert_eq!(fs::read_to_string(to.path().join("x")).unwrap(), "new");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let to = tempfile::tempdir().unwrap();
            let _ = unpack(&bytes[..], &Root::open(to.path()).unwrap(), Path::new("/"), &Options::default());
        }
    }
}
