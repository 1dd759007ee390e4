//! A volume's files as a tar archive: podman-volume-export(1), podman-volume-import(1).

use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Volume, mount};
use crate::engine::Context;
use crate::engine::files::pack::{Form, Packer};
use crate::engine::files::{Root, unpack};

pub fn export(ctx: &Context, volume: &Volume, out: impl Write) -> Result<()> {
    used(ctx, volume, || {
        let mut packer = Packer::new(BufWriter::new(out), Form::Plain);
        packer.add(&Root::open(&volume.data(ctx))?, Path::new("/"), None)?;
        packer.finish().map(drop)
    })
    .with_context(|| format!("exporting volume {}", volume.name))
}

/// What is there stays, unless the archive has something else in its place.
pub fn import(ctx: &Context, volume: &Volume, archive: impl Read) -> Result<()> {
    let options = unpack::Options {
        overwrite: true,
        ..unpack::Options::default()
    };
    used(ctx, volume, || {
        let root = Root::open(&volume.data(ctx))?;
        unpack::unpack(BufReader::new(archive), &root, Path::new("/"), &options)
    })
    .with_context(|| format!("importing into volume {}", volume.name))
}

/// With its file system mounted, if it has one.
fn used(ctx: &Context, volume: &Volume, act: impl FnOnce() -> Result<()>) -> Result<()> {
    mount::up(ctx, volume)?;
    let done = act();
    done.and(mount::down_if_unused(ctx, volume, None))
}
