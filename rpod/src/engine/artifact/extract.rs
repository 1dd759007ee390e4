//! An artifact's files, written where somebody wants them: podman-artifact-extract(1).

use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::{Artifact, Choice};
use crate::engine::Context;
use crate::engine::layout::Layout;

/// Writes the files into a directory, or the one that is meant into a file.
pub fn extract(ctx: &Context, artifact: &Artifact, target: &Path, choice: &Choice) -> Result<()> {
    let layout = Layout::artifacts(&ctx.store);
    if target.is_dir() {
        for file in artifact.files(choice)? {
            write(&layout, &file.digest, &target.join(&file.name))?;
        }
        return Ok(());
    }
    match artifact.layers() {
        // Its title does not matter, however evil.
        [only] if *choice == Choice::default() => write(&layout, super::digest(only), target),
        [_, _, ..] if *choice == Choice::default() => bail!(
            "the artifact consists of several blobs and the target {:?} is not a directory and neither digest or title was specified to only copy a single blob",
            target.display().to_string()
        ),
        _ => write(&layout, &artifact.files(choice)?[0].digest, target),
    }
}

fn write(layout: &Layout, digest: &str, target: &Path) -> Result<()> {
    let mut out = File::create(target)
        .with_context(|| format!("failed to create target file: {}", target.display()))?;
    layout
        .copy_blob(digest, &mut out)
        .with_context(|| format!("writing {}", target.display()))
}
