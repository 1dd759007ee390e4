//! A new volume gets what the image has at the place where it is mounted: files, owner and mode.

use std::fs;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::chown;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::futimens;
use nix::sys::time::TimeSpec;

use super::{Filling, Volume, get, lock};
use crate::bundle;
use crate::engine::Context;
use crate::engine::container::record::{Container, Mount};
use crate::engine::files::pack::{Form, Packer};
use crate::engine::files::{self, Root, unpack};
use crate::store::directory::{entries, remove_tree};

/// As long as the volume is empty it becomes what the container that uses it has at its place: podman-run(1), "--volume".
pub(super) fn first_use(ctx: &Context, container: &Container, mount: &Mount) -> Result<()> {
    let _lock = lock(ctx)?;
    let mut volume = get(ctx, mount.volume.as_deref().unwrap_or_default())?;
    // Whoever held the lock may have been the first.
    if !volume.needs_copy_up {
        return Ok(());
    }
    let name = volume.name.clone();
    let filling = || format!("filling volume {name} from the image");
    start_anew(ctx, &mut volume).with_context(filling)?;
    let is_empty = is_empty(&volume.data(ctx)).with_context(filling)?;
    let before = volume.clone();
    if is_empty {
        place(ctx, container, mount, &mut volume).with_context(filling)?;
    } else {
        volume.has_owner = true;
    }
    volume.being_filled = None;
    if volume == before {
        return Ok(());
    }
    volume.save(ctx)
}

/// What somebody has begun to fill from an image who was killed, or had no room for it, is emptied.
pub(super) fn start_anew(ctx: &Context, volume: &mut Volume) -> Result<()> {
    if volume.being_filled == Some(Filling::Image) {
        for path in entries(&volume.data(ctx))? {
            match path.is_dir() && !path.is_symlink() {
                true => remove_tree(&path)?,
                false => {
                    fs::remove_file(&path)
                        .with_context(|| format!("removing {}", path.display()))?;
                }
            }
        }
        volume.being_filled = None;
        volume.save(ctx)?;
    }
    Ok(())
}

fn is_empty(directory: &Path) -> std::io::Result<bool> {
    Ok(fs::read_dir(directory)?.next().is_none())
}

fn has_files(root: &Root, path: &Path) -> Result<bool> {
    let directory = root.open_at(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
    let opened = format!("/proc/self/fd/{}", directory.as_raw_fd());
    Ok(!is_empty(Path::new(&opened))?)
}

fn place(ctx: &Context, container: &Container, mount: &Mount, volume: &mut Volume) -> Result<()> {
    let data = volume.data(ctx);
    let home = container.home(ctx);
    let rootfs = Root::open(&home.join("rootfs"))?;
    let destination = Path::new(&mount.destination);
    match rootfs.stat(destination) {
        Ok(stat) if files::is_dir(&stat) => {
            let is_new = !volume.has_owner;
            if is_new {
                let owner = Owner::seen(container, mount, (stat.st_uid, stat.st_gid));
                owner.take(&data, volume)?;
                let mode = std::os::unix::fs::PermissionsExt::from_mode(stat.st_mode & 0o7777);
                fs::set_permissions(&data, mode)?;
                // Another container's user may take it over from anybody but root.
                volume.has_owner = stat.st_uid == 0 && stat.st_gid == 0;
            }
            let copies = !mount.no_copy && !volume.options.contains_key("nocopy");
            if copies && has_files(&rootfs, destination)? {
                volume.being_filled = Some(Filling::Image);
                volume.save(ctx)?;
                // Such a mount shows the disk's ids, which are to be the container's.
                let users = mount.is_idmapped().then_some(container);
                copy(&rootfs, destination, users, &Root::open(&data)?)?;
            }
            if !is_empty(&data)? {
                volume.needs_copy_up = false;
                volume.has_owner = true;
            }
            match is_new {
                // Last: what is put into it changes its time.
                true => changed_at(&data, TimeSpec::new(stat.st_mtime, stat.st_mtime_nsec)),
                false => Ok(()),
            }
        }
        Err(Errno::ENOENT | Errno::ENOTDIR) if !volume.has_owner => {
            let user = bundle::owner(&home.join("rootfs"), &container.process.user)?;
            Owner::of_user(container, mount, user).take(&data, volume)
        }
        Ok(_) | Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn changed_at(directory: &Path, time: TimeSpec) -> Result<()> {
    let opened = fs::File::open(directory)?;
    Ok(futimens(&opened, &TimeSpec::UTIME_OMIT, &time)?)
}

/// Whose a volume is on the disk.
struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    /// The owner of a directory of the container's, as it is seen from outside. A mount that maps ids shows the disk's as they are.
    fn seen(container: &Container, mount: &Mount, (uid, gid): (u32, u32)) -> Owner {
        let maps = container.user_namespace.maps();
        let inside = maps.filter(|_| mount.is_idmapped());
        let (uid, gid) = inside
            .and_then(|maps| maps.inside(uid, gid))
            .unwrap_or((uid, gid));
        Owner { uid, gid }
    }

    /// A user of the container's.
    fn of_user(container: &Container, mount: &Mount, (uid, gid): (u32, u32)) -> Owner {
        let maps = container.user_namespace.maps();
        let outside = maps.filter(|_| !mount.is_idmapped());
        let (uid, gid) = outside.map_or((uid, gid), |maps| maps.outside(uid, gid));
        Owner { uid, gid }
    }

    /// Gives it the volume, which tells it to whoever asks.
    fn take(&self, data: &Path, volume: &mut Volume) -> Result<()> {
        chown(data, Some(self.uid), Some(self.gid))?;
        let told = |id: u32| (id != 0).then_some(id);
        (volume.uid, volume.gid) = (told(self.uid), told(self.gid));
        Ok(())
    }
}

/// With `users` the copy's owners are as that container knows them.
fn copy(from: &Root, path: &Path, users: Option<&Container>, to: &Root) -> Result<()> {
    let (reader, writer) = std::io::pipe().context("making a pipe")?;
    std::thread::scope(|scope| {
        let packing = scope.spawn(|| {
            let packer = Packer::new(std::io::BufWriter::new(writer), Form::Plain);
            let mut packer = match users {
                Some(container) => packer.of(container),
                None => packer,
            };
            packer.add(from, path, None)?;
            packer.finish().map(drop)
        });
        let options = unpack::Options::default();
        let reader = std::io::BufReader::new(reader);
        let unpacked = unpack::unpack(reader, to, Path::new("/"), &options);
        let packed = packing
            .join()
            .map_err(|_| anyhow!("reading the image failed"))?;
        unpacked.and(packed)
    })
}
