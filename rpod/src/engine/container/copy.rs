//! `rpod cp`: files between a container and the host, or two containers, by way of a tar stream.
//!
//! One side packs into a pipe, the other unpacks from it; each knows only its own root. The rules are podman-cp(1)'s.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use nix::errno::Errno;

use super::mount::{Reached, missing};
use super::record::Container;
use crate::bundle;
use crate::engine::Context;
use crate::engine::files::pack::{Form, Packer};
use crate::engine::files::unpack::{self, Options};
use crate::engine::files::{self, Root};

/// One end of a copy: a path as it was typed. In a container it may be relative to its working directory.
#[derive(Debug)]
pub enum End<'a> {
    Host(PathBuf),
    Container(&'a Container, PathBuf),
}

/// An end with its root open.
struct Place {
    root: Root,
    path: PathBuf,
}

#[derive(Clone, Copy, Debug)]
pub struct Ways {
    /// What goes into a container becomes its user's: `--archive`.
    pub archive: bool,
    pub overwrite: bool,
}

/// Copies what `from` names to `to`.
pub fn copy(ctx: &Context, from: &End, to: &End, ways: Ways) -> Result<()> {
    let reached = reach(ctx, &[from, to])?;
    let source = open(&reached, from)?;
    let stat = source
        .root
        .stat(&source.path)
        .map_err(|errno| from.missing(errno))?;
    let source_is_dir = files::is_dir(&stat);
    let contents = ends_with_dot(from.path());
    let (target, name) = target(open(&reached, to)?, to, &source, source_is_dir, contents)?;
    let options = options(ctx, to, ways)?;
    let (reader, writer) = std::io::pipe().context("making a pipe")?;
    std::thread::scope(|scope| {
        let packing = scope.spawn(|| {
            let mut packer = Packer::new(std::io::BufWriter::new(writer), Form::Plain);
            if let End::Container(container, _) = from {
                packer = packer.of(container);
            }
            packer.add(&source.root, &source.path, name.as_deref())?;
            packer.finish().map(drop)
        });
        let unpacked = unpack::unpack(
            std::io::BufReader::new(&reader),
            &target.root,
            &target.path,
            &options,
        );
        // A packer that nobody reads from any more ends with a broken pipe, which is not what went wrong.
        drop(reader);
        let packed = packing
            .join()
            .map_err(|_| anyhow!("reading the source failed"))?;
        unpacked.and(packed)
    })
}

/// Writes what a path of the container leads to as an archive.
pub fn copy_out(ctx: &Context, container: &Container, path: &Path, out: impl Write) -> Result<()> {
    let from = End::Container(container, path.to_owned());
    let reached = reach(ctx, &[&from])?;
    let source = open(&reached, &from)?;
    let stat = source
        .root
        .stat(&source.path)
        .map_err(|errno| from.missing(errno))?;
    let name = if files::is_dir(&stat) && ends_with_dot(path) {
        None
    } else {
        source.path.file_name()
    };
    let mut packer = Packer::new(out, Form::Plain).of(container);
    packer.add(&source.root, &source.path, name)?;
    packer.finish().map(drop)
}

/// Puts an archive into a directory of the container.
pub fn copy_in(
    ctx: &Context,
    archive: impl Read,
    container: &Container,
    path: &Path,
    ways: Ways,
) -> Result<()> {
    let to = End::Container(container, path.to_owned());
    let reached = reach(ctx, &[&to])?;
    let target = open(&reached, &to)?;
    let stat = target.root.stat(&target.path);
    if !stat.is_ok_and(|stat| files::is_dir(&stat)) {
        bail!("destination must be a directory when copying from stdin");
    }
    unpack::unpack(
        archive,
        &target.root,
        &target.path,
        &options(ctx, &to, ways)?,
    )
}

/// The containers of both ends, each once, and in an order that all copies keep: none waits for one that waits for it.
fn reach<'a>(ctx: &Context, ends: &[&End<'a>]) -> Result<Vec<(&'a str, Reached<'a>)>> {
    let mut containers: Vec<&'a Container> = ends
        .iter()
        .filter_map(|end| match end {
            End::Container(container, _) => Some(*container),
            End::Host(_) => None,
        })
        .collect();
    containers.sort_by(|a, b| a.id.cmp(&b.id));
    containers.dedup_by(|a, b| a.id == b.id);
    containers
        .into_iter()
        .map(|container| Ok((container.id.as_str(), Reached::new(ctx, container)?)))
        .collect()
}

fn open(reached: &[(&str, Reached)], end: &End) -> Result<Place> {
    match end {
        End::Host(path) => {
            let path =
                std::path::absolute(path).with_context(|| format!("finding {}", path.display()))?;
            Ok(Place {
                root: Root::open(Path::new("/"))?,
                path,
            })
        }
        End::Container(container, path) => {
            let (_, reached) = reached
                .iter()
                .find(|(id, _)| *id == container.id)
                .context("a container of this copy is not open")?;
            // Where its processes begin to look.
            let path = Path::new(&container.process.workdir).join(path);
            let (root, path) = reached.locate(&path)?;
            Ok(Place { root, path })
        }
    }
}

/// The directory to unpack into, and the name that the source gets in it; no name for the contents alone.
fn target(
    mut place: Place,
    to: &End,
    source: &Place,
    source_is_dir: bool,
    contents: bool,
) -> Result<(Place, Option<OsString>)> {
    match place.root.stat(&place.path) {
        Ok(stat) if files::is_dir(&stat) => {
            let name = if source_is_dir && contents {
                None
            } else {
                source.path.file_name().map(OsString::from)
            };
            Ok((place, name))
        }
        Ok(_) if source_is_dir => bail!("destination must be a directory when copying a directory"),
        Err(errno) if ends_with_slash(to.path()) => Err(to.missing(errno)),
        // What takes the place of a device or a pipe would not be what it was.
        Ok(stat) if !files::is_file(&stat) => Err(to.unfit()),
        Err(Errno::EXDEV) => Err(to.unfit()),
        found => {
            // A link at the end leads to the file that is meant, be it there or not.
            let followed = place.root.follow(&place.path);
            place.path = followed.map_err(|errno| to.missing(errno))?;
            let parent = place.path.parent().unwrap_or(Path::new("/")).to_owned();
            let name = place.path.file_name().map(OsString::from);
            if let Err(errno) = found {
                match place.root.stat(&parent) {
                    Ok(stat) if files::is_dir(&stat) => {}
                    _ => return Err(to.missing(errno)),
                }
            }
            place.path = parent;
            Ok((place, name))
        }
    }
}

fn options(ctx: &Context, to: &End, ways: Ways) -> Result<Options> {
    let owner = match to {
        End::Container(container, _) if ways.archive => {
            let rootfs = container.home(ctx).join("rootfs");
            Some(bundle::owner(&rootfs, &container.process.user)?)
        }
        End::Container(..) => None,
        End::Host(_) => Some((
            nix::unistd::geteuid().as_raw(),
            nix::unistd::getegid().as_raw(),
        )),
    };
    let users = match to {
        End::Container(container, _) => container.user_namespace.maps().cloned(),
        End::Host(_) => None,
    };
    Ok(Options {
        owner,
        users,
        overwrite: ways.overwrite,
        no_devices: matches!(to, End::Host(_)),
    })
}

impl End<'_> {
    fn path(&self) -> &Path {
        match self {
            End::Host(path) | End::Container(_, path) => path,
        }
    }

    fn unfit(&self) -> anyhow::Error {
        let path = self.path().display().to_string();
        anyhow!("invalid destination: {path:?} must be a directory or a regular file")
    }

    fn missing(&self, errno: Errno) -> anyhow::Error {
        match self {
            End::Container(container, path) => missing(container, path, errno),
            End::Host(path) => anyhow!(
                "{:?} could not be found on the host: {}",
                path.display().to_string(),
                errno.desc().to_lowercase()
            ),
        }
    }
}

/// `dir/.` is the contents of dir; `Path` would drop the dot.
fn ends_with_dot(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes == b"." || bytes.ends_with(b"/.")
}

fn ends_with_slash(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}
