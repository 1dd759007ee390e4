//! A new volume gets what the image has at the place where it is mounted: files, owner and mode.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use nix::errno::Errno;

use super::{get, lock};
use crate::bundle;
use crate::engine::Context;
use crate::engine::container::record::{Container, Mount};
use crate::engine::files::pack::{Form, Packer};
use crate::engine::files::{self, Root, unpack};

pub(super) fn first_use(ctx: &Context, container: &Container, mount: &Mount) -> Result<()> {
    let _lock = lock(ctx)?;
    let mut volume = get(ctx, mount.volume.as_deref().unwrap_or_default())?;
    // Whoever held the lock may have been the first.
    if !volume.needs_copy_up {
        return Ok(());
    }
    let data = volume.data(ctx);
    let filling = || format!("filling volume {} from the image", volume.name);
    let is_empty = fs::read_dir(&data).with_context(filling)?.next().is_none();
    let home = container.home(ctx);
    let rootfs = Root::open(&home.join("rootfs"))?;
    let destination = Path::new(&mount.destination);
    let own = |uid: u32, gid: u32| {
        let (uid, gid) = (volume.uid.unwrap_or(uid), volume.gid.unwrap_or(gid));
        chown(&data, Some(uid), Some(gid))
    };
    match rootfs.stat(destination) {
        Ok(stat) if files::is_dir(&stat) && is_empty => {
            own(stat.st_uid, stat.st_gid).with_context(filling)?;
            let mode = std::os::unix::fs::PermissionsExt::from_mode(stat.st_mode & 0o7777);
            fs::set_permissions(&data, mode).with_context(filling)?;
            if !mount.no_copy {
                copy(&rootfs, destination, &Root::open(&data)?).with_context(filling)?;
            }
        }
        Ok(_) => {}
        Err(Errno::ENOENT | Errno::ENOTDIR) if is_empty => {
            let (uid, gid) = bundle::owner(&home.join("rootfs"), &container.process.user)?;
            let maps = container.user_namespace.maps();
            let (uid, gid) = maps.map_or((uid, gid), |maps| maps.outside(uid, gid));
            own(uid, gid).with_context(filling)?;
        }
        Err(Errno::ENOENT | Errno::ENOTDIR) => {}
        Err(errno) => return Err(errno).with_context(filling),
    }
    volume.needs_copy_up = false;
    volume.save(ctx)
}

fn copy(from: &Root, path: &Path, to: &Root) -> Result<()> {
    let (reader, writer) = std::io::pipe().context("making a pipe")?;
    std::thread::scope(|scope| {
        let packing = scope.spawn(|| {
            let mut packer = Packer::new(std::io::BufWriter::new(writer), Form::Plain);
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
