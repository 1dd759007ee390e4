//! The root file system of a container that does not run: mounted for a person (podman-mount(1)), or for as long as rpod reads or
//! writes it.
//!
//! `RUNROOT/mounts/<id>` says that a person mounted it: the end of the container's process leaves the mount alone then.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;

use super::overlay::{is_mount_point, unmount as unmount_path};
use super::record::{Container, Mount};
use super::root;
use super::status::Status;
use crate::engine::files::Root;
use crate::engine::{Context, event};
use crate::store::{Lock, Store};

/// Mounts it until `unmount`; the answer is where.
pub fn mount(ctx: &Context, container: &Container) -> Result<PathBuf> {
    let _lock = container.lock(ctx)?;
    let home = container.home(ctx);
    let marks = marks(&ctx.store);
    fs::create_dir_all(&marks).with_context(|| format!("making {}", marks.display()))?;
    let mark = marks.join(&container.id);
    fs::write(&mark, "").with_context(|| format!("writing {}", mark.display()))?;
    root::mount(ctx, container, &home)?;
    event::container(ctx, "mount", container);
    Ok(home.join("rootfs"))
}

/// Takes back a person's mount. That of a container that runs goes only when `force` says so, and then only from the host's eyes.
/// Returns false where nothing was mounted by a person.
pub fn unmount(ctx: &Context, container: &Container, force: bool) -> Result<bool> {
    let _lock = container.lock(ctx)?;
    let rootfs = container.home(ctx).join("rootfs");
    let was_marked = unmark(&ctx.store, &container.id)?;
    let active = matches!(
        ctx.store.status(&container.id)?,
        Status::Running(_) | Status::Initialized(_)
    );
    if active && !force {
        if !was_marked {
            bail!(
                "container {} is running or paused and is mounted for itself alone: container state improper",
                container.id
            );
        }
        return Ok(true);
    }
    if !active {
        unmount_path(&rootfs)?;
    }
    if was_marked {
        event::container(ctx, "unmount", container);
    }
    Ok(was_marked)
}

/// Where it is mounted now, by a person or because it runs.
pub fn mounted_at(ctx: &Context, container: &Container) -> Result<Option<PathBuf>> {
    let rootfs = container.home(ctx).join("rootfs");
    let mounted = match is_mount_point(&rootfs) {
        Err(_) if !rootfs.exists() => false,
        mounted => mounted?,
    };
    Ok(mounted.then_some(rootfs))
}

fn marks(store: &Store) -> PathBuf {
    store.runroot.join("mounts")
}

pub(super) fn is_marked(store: &Store, id: &str) -> bool {
    marks(store).join(id).exists()
}

/// True if there was a mark.
pub(super) fn unmark(store: &Store, id: &str) -> Result<bool> {
    let mark = marks(store).join(id);
    match fs::remove_file(&mark) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("removing {}", mark.display())),
    }
}

/// A container's files in reach: mounted, and kept from starting, for as long as this lives.
#[derive(Debug)]
pub struct Reached<'a> {
    container: &'a Container,
    rootfs: PathBuf,
    /// The process whose view of the files is the container's; none if it does not run.
    pid: Option<i32>,
    mounted: bool,
    _lock: Option<Lock>,
}

impl<'a> Reached<'a> {
    pub fn new(ctx: &Context, container: &'a Container) -> Result<Reached<'a>> {
        let home = container.home(ctx);
        let rootfs = home.join("rootfs");
        let lock = container.lock(ctx)?;
        if let Status::Running(process) | Status::Initialized(process) =
            ctx.store.status(&container.id)?
        {
            return Ok(Reached {
                container,
                rootfs,
                pid: Some(process.pid),
                mounted: false,
                _lock: None,
            });
        }
        let was_mounted = mounted_at(ctx, container)?.is_some();
        root::mount(ctx, container, &home)?;
        Ok(Reached {
            container,
            rootfs,
            pid: None,
            mounted: !was_mounted,
            _lock: Some(lock),
        })
    }

    /// The files of image and container, without what is mounted into them.
    pub fn own(&self) -> Result<Root> {
        Root::open(&self.rootfs)
    }

    pub fn rootfs(&self) -> &Path {
        &self.rootfs
    }

    /// Where a path of the container leads: as its processes see it, or, if it has none, into the directory of the host that is
    /// mounted there.
    pub fn locate(&self, path: &Path) -> Result<(Root, PathBuf)> {
        let path = Path::new("/").join(path);
        if let Some(pid) = self.pid {
            return Ok((Root::open(Path::new(&format!("/proc/{pid}/root")))?, path));
        }
        let covering = self
            .container
            .mounts
            .iter()
            .filter(|mount| mount.kind == "bind" && path.starts_with(&mount.destination));
        match covering.max_by_key(|mount| mount.destination.len()) {
            Some(mount) => into_mount(mount, &path),
            None => Ok((self.own()?, path)),
        }
    }
}

fn into_mount(mount: &Mount, path: &Path) -> Result<(Root, PathBuf)> {
    let below = path
        .strip_prefix(&mount.destination)
        .unwrap_or(Path::new(""));
    let source = Path::new(&mount.source);
    if source.is_dir() {
        // A `.` or `/` at the end means something to a copy.
        return Ok((Root::open(source)?, Path::new("/").join(below)));
    }
    let (parent, name) = (source.parent(), source.file_name());
    let (Some(parent), Some(name)) = (parent, name) else {
        bail!("{} is no file", source.display());
    };
    Ok((Root::open(parent)?, PathBuf::from(name)))
}

impl Drop for Reached<'_> {
    fn drop(&mut self) {
        if self.mounted {
            // What is left mounted is unmounted by the next start or removal.
            let _ = unmount_path(&self.rootfs);
        }
    }
}

/// What a path of the container leads to, or an error that names both.
pub fn missing(container: &Container, path: &Path, errno: Errno) -> anyhow::Error {
    let reason = match errno {
        Errno::ENOENT | Errno::ENOTDIR => "no such file or directory".to_owned(),
        errno => errno.desc().to_owned(),
    };
    anyhow::anyhow!(
        "{:?} could not be found on container {}: {reason}",
        path.display().to_string(),
        container.name
    )
}
