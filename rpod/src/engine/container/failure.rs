//! Why the last start of a container failed: `State.Error` of `inspect`. `ROOT/containers/<id>/failure` has it until the next start.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Error, Result};

use super::record::Container;
use crate::engine::Context;
use crate::store::directory::remove_if_there;
use crate::store::record::{Durability, replace};

/// Keeps it. Where there is no room for it, the person who started the container is told all the same.
pub(super) fn note(ctx: &Context, container: &Container, error: &Error) {
    let text = format!("{error:#}");
    let _ = replace(
        &path(&container.home(ctx)),
        text.as_bytes(),
        Durability::Process,
    );
}

pub(super) fn forget(ctx: &Context, container: &Container) -> Result<()> {
    remove_if_there(&path(&container.home(ctx)))
}

/// Empty if it did not fail.
pub(super) fn of(home: &Path) -> String {
    fs::read_to_string(path(home)).unwrap_or_default()
}

fn path(home: &Path) -> PathBuf {
    home.join("failure")
}
