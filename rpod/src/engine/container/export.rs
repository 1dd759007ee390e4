//! A container's files as an archive, and as a list of what differs from its image.

use std::io::Write;
use std::path::Path;

use anyhow::Result;

use super::mount::Reached;
use super::record::Container;
use crate::engine::files::pack::{Form, Packer};
use crate::engine::{Context, event};

/// The whole root file system: podman-export(1).
pub fn export(ctx: &Context, container: &Container, out: impl Write) -> Result<()> {
    let reached = Reached::new(ctx, container)?;
    let mut packer = Packer::new(out, Form::Plain).of(container);
    packer.add(&reached.own()?, Path::new("/"), None)?;
    packer.finish()?;
    event::container(ctx, "export", container);
    Ok(())
}
