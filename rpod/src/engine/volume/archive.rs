//! A volume's files as a tar archive: podman-volume-export(1), podman-volume-import(1).

use std::io::{BufRead as _, BufReader, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Filling, Volume, fill, get, home, lock, mount};
use crate::engine::Context;
use crate::engine::files::pack::{Form, Packer};
use crate::engine::files::{Root, compression, unpack};
use crate::output::warn;
use crate::store::Lock;

pub fn export(ctx: &Context, volume: &Volume, out: impl Write) -> Result<()> {
    tell_if_incomplete(ctx, volume)?;
    used(ctx, volume, || {
        let mut packer = Packer::new(BufWriter::new(out), Form::Plain);
        packer.add(&Root::open(&volume.data(ctx))?, Path::new("/"), None)?;
        packer.finish().map(drop)
    })
    .with_context(|| format!("exporting volume {}", volume.name))
}

/// What is there stays, unless the archive has something else in its place. Until all is there, the record says so.
pub fn import(ctx: &Context, volume: &Volume, archive: impl Read) -> Result<()> {
    let options = unpack::Options {
        overwrite: true,
        ..unpack::Options::default()
    };
    let _alone = Lock::exclusive(&home(ctx, &volume.name))?;
    used(ctx, volume, || {
        note(ctx, volume, Some(Filling::Archive))?;
        let mut archive = BufReader::new(archive);
        // Nothing at all is an archive of nothing.
        if !archive
            .fill_buf()
            .context("reading the archive")?
            .is_empty()
        {
            let root = Root::open(&volume.data(ctx))?;
            let archive = compression::read(archive)?;
            unpack::unpack(archive, &root, Path::new("/"), &options)?;
        }
        note(ctx, volume, None)
    })
    .with_context(|| format!("importing into volume {}", volume.name))
}

/// What it is being filled from. The caller holds the lock of its directory.
pub(super) fn note(ctx: &Context, volume: &Volume, filling: Option<Filling>) -> Result<()> {
    let _lock = lock(ctx)?;
    let mut volume = get(ctx, &volume.name)?;
    fill::start_anew(ctx, &mut volume)?;
    volume.being_filled = filling;
    volume.save(ctx)
}

/// It has not all that was to be imported, and nobody is importing.
pub(super) fn is_incomplete(ctx: &Context, volume: &Volume) -> Result<bool> {
    let begun = volume.being_filled == Some(Filling::Archive);
    Ok(begun && Lock::try_exclusive(&home(ctx, &volume.name))?.is_some())
}

pub fn tell_if_incomplete(ctx: &Context, volume: &Volume) -> Result<()> {
    if is_incomplete(ctx, volume)? {
        warn(&format!(
            "volume {} is incomplete: {CUT_SHORT}",
            volume.name
        ));
    }
    Ok(())
}

pub(super) const CUT_SHORT: &str = "an import into it did not come to its end: import the archive again, or take it as it is by \"rpod system check --repair\"";

/// With its file system mounted, if it has one.
fn used(ctx: &Context, volume: &Volume, act: impl FnOnce() -> Result<()>) -> Result<()> {
    mount::up(ctx, volume).with_context(|| format!("mounting volume {}", volume.name))?;
    let done = act();
    done.and(mount::down_if_unused(ctx, volume, None))
}
