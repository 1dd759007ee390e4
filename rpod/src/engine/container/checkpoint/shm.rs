//! What is in /dev/shm, which no file of the container's keeps.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::container::surroundings::own_shm;
use crate::engine::files::pack::{Form, Packer};
use crate::engine::files::{Root, unpack};

pub(super) const ARCHIVE: &str = "devshm-checkpoint.tar";

pub(super) fn keep(ctx: &Context, container: &Container, home: &Path) -> Result<()> {
    let Some(shm) = own_shm(container, &container.run_dir(ctx)) else {
        return Ok(());
    };
    let path = home.join(ARCHIVE);
    let file = File::create(&path).with_context(|| format!("making {}", path.display()))?;
    let mut packer = Packer::new(BufWriter::new(file), Form::Plain);
    packer
        .add(&Root::open(&shm)?, Path::new("/"), None)
        .context("keeping /dev/shm")?;
    packer.finish().map(drop)
}

pub(super) fn put_back(ctx: &Context, container: &Container, home: &Path) -> Result<()> {
    let path = home.join(ARCHIVE);
    let shm = own_shm(container, &container.run_dir(ctx));
    let Some(shm) = shm.filter(|_| path.exists()) else {
        return Ok(());
    };
    let archive = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
    let options = unpack::Options::default();
    unpack::unpack(
        BufReader::new(archive),
        &Root::open(&shm)?,
        Path::new("/"),
        &options,
    )
    .context("filling /dev/shm")
}
