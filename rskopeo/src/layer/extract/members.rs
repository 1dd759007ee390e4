//! Making a member: a file, a directory, a link, a device.

use std::ffi::OsStr;
use std::io::BufRead;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::sys::stat::{Mode, SFlag, fchmod, mkdirat};
use nix::unistd::{LinkatFlags, linkat, symlinkat};

use super::super::archive::{Archive, Entry, Kind};
use super::super::attributes::{Attributes, clear_xattrs};
use super::super::error::{During, LayerError, Result};
use super::super::overlay::ForeignLink;
use super::super::path::{clean, shown, split};
use super::super::place::{Place, linkable, write_content};
use super::super::remove::remove_all;
use super::super::tree::is;
use super::super::whiteout;
use super::{Extractor, Form};

impl Extractor {
    pub(super) fn file<R: BufRead>(
        &mut self,
        parent: &[u8],
        name: &[u8],
        entry: &Entry,
        attributes: &Attributes,
        archive: &mut Archive<R>,
    ) -> Result<()> {
        if entry.kind == Kind::HardLink {
            return self.hard_link(parent, name, entry);
        }
        if entry.kind == Kind::Directory {
            return self.directory(parent, name, attributes);
        }
        let Self {
            tree,
            layer,
            short,
            options,
            ..
        } = self;
        let place = Place::new(tree.enter(parent, &mut layer.made)?, name);
        match entry.kind {
            Kind::File => {
                let fd = place.replacing(|place| place.create())?;
                write_content(&fd, &place.path, entry, archive)?;
                attributes.set(fd.as_fd(), &place.path, short)?;
            }
            Kind::Symlink => {
                let target = OsStr::from_bytes(&entry.link);
                place.replacing(|place| {
                    symlinkat(target, &place.parent.fd, place.name)
                        .during("create symlink", &place.path)
                })?;
                attributes.set_at(&place.parent.fd, place.name, &place.path, true, short)?;
            }
            _ => {
                let whiteout = (entry.kind, entry.device) == (Kind::Char, (0, 0));
                if whiteout && options.form == Form::Overlay {
                    return Err(LayerError::refused(
                        &place.path,
                        "a character device 0:0 would be a whiteout",
                    ));
                }
                if place.replacing(|place| place.make_node(entry))? {
                    attributes.set_at(&place.parent.fd, place.name, &place.path, false, short)?;
                } else {
                    short.devices += 1;
                    let fd = place.create()?;
                    attributes.set(fd.as_fd(), &place.path, short)?;
                }
            }
        }
        let path = place.path;
        self.own(path);
        Ok(())
    }

    fn directory(&mut self, parent: &[u8], name: &[u8], attributes: &Attributes) -> Result<()> {
        let Self {
            tree,
            layer,
            options,
            ..
        } = self;
        let place = Place::new(tree.enter(parent, &mut layer.made)?, name);
        let made = mkdirat(&place.parent.fd, place.name, Mode::S_IRWXU);
        let mut existed = false;
        match made {
            Ok(()) => {}
            Err(Errno::EEXIST) => match place.stat()? {
                Some(stat) if is(&stat, SFlag::S_IFDIR) => existed = true,
                _ => {
                    remove_all(place.parent.fd.as_fd(), place.name, &place.path)?;
                    mkdirat(&place.parent.fd, place.name, Mode::S_IRWXU)
                        .during("create directory", &place.path)?;
                    if options.form == Form::Overlay {
                        // What stood here hid the lower directory of that name; so must this.
                        whiteout::make_opaque(place.open_dir()?, &place.path)?;
                    }
                }
            },
            Err(errno) => return Err(errno).during("create directory", &place.path),
        }
        let fd = place.open_dir()?;
        let path = place.path;
        if existed {
            clear_xattrs(&fd, &path)?;
        }
        attributes.set(fd.as_fd(), &path, &mut self.short)?;
        self.keep_open(&fd, &path, attributes.mode)?;
        self.layer.implied.remove(&path);
        self.own(path);
        Ok(())
    }

    /// Without root's rights, a directory has to stay writable until everything is in it.
    pub(super) fn keep_open(&mut self, directory: &OwnedFd, path: &[u8], mode: u32) -> Result<()> {
        if !self.unprivileged {
            return Ok(());
        }
        if mode & 0o700 == 0o700 {
            self.closed.remove(path);
            return Ok(());
        }
        self.closed.insert(path.to_vec(), mode);
        fchmod(directory, Mode::from_bits_truncate(mode | 0o700)).during("change mode of", path)
    }

    /// The target of a hard link is found as a path within the tree; its last component may be a symlink, and is linked as such.
    fn hard_link(&mut self, parent: &[u8], name: &[u8], entry: &Entry) -> Result<()> {
        let target = clean(&entry.link)?;
        let (target_parent, target_name) = split(&target);
        if target_name.is_empty() {
            return Err(LayerError::refused(
                &entry.path,
                "a hard link to the root directory",
            ));
        }
        let Self {
            tree,
            layer,
            options,
            ..
        } = self;
        let real_parent = tree.real(target_parent)?;
        let from = match &real_parent {
            Some(real) => Some(tree.open_dir(real).during("open directory", real)?),
            None => None,
        };
        let place = Place::new(tree.enter(parent, &mut layer.made)?, name);
        let target_name = OsStr::from_bytes(target_name);
        let found = match &from {
            Some(from) => linkable(from, target_name, &target)?,
            None => None,
        };
        let (Some(from), Some(found)) = (from, found) else {
            if options.form == Form::Flat {
                return Err(LayerError::refused(
                    &place.path,
                    format!("its hard link target /{} does not exist", shown(&target)),
                ));
            }
            layer.foreign.push(ForeignLink {
                path: place.path,
                target,
            });
            return Ok(());
        };
        if place
            .stat()?
            .is_some_and(|stat| (stat.st_dev, stat.st_ino) == (found.st_dev, found.st_ino))
        {
            return Ok(());
        }
        place.replacing(|place| {
            linkat(
                &from,
                target_name,
                &place.parent.fd,
                place.name,
                LinkatFlags::empty(),
            )
            .during("create hard link", &place.path)
        })?;
        let path = place.path;
        self.own(path);
        Ok(())
    }
}
