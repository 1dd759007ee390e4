//! Containers that need another one: they join its namespaces, or were made with `--requires`.
//!
//! `ROOT/containers/<id>/dependents/<other>` notes, when `other` is made, that it needs `id`. A note about a container that is gone
//! means nothing, so none has to be taken back.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::record::Container;
use crate::engine::Context;
use crate::store::Noun;

/// Notes what a container that is being made needs. Its record is written after this.
pub(super) fn note(ctx: &Context, container: &Container) -> Result<()> {
    for needed in container.needs() {
        let notes = notes(ctx, needed);
        fs::create_dir_all(&notes).with_context(|| format!("making {}", notes.display()))?;
        let note = notes.join(&container.id);
        fs::write(&note, "").with_context(|| format!("writing {}", note.display()))?;
    }
    Ok(())
}

/// Ids of the containers that need this one.
pub fn dependents(ctx: &Context, id: &str) -> Result<Vec<String>> {
    let notes = notes(ctx, id);
    let entries = match fs::read_dir(&notes) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("listing {}", notes.display()))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry
            .with_context(|| format!("listing {}", notes.display()))?
            .file_name();
        if let Some(id) = name.to_str()
            && ctx.store.record(Noun::Container, id).exists()
        {
            found.push(id.to_owned());
        }
    }
    found.sort();
    Ok(found)
}

fn notes(ctx: &Context, id: &str) -> PathBuf {
    ctx.store.home(Noun::Container, id).join("dependents")
}
