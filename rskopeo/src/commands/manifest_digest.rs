//! `manifest-digest FILE`: the digest that a registry would know this manifest by.

use std::fs;

use anyhow::{Context, Result};

use crate::cli::ManifestDigest;
use crate::manifest::RawManifest;
use crate::terminal;

pub fn run(args: &ManifestDigest) -> Result<()> {
    let bytes = fs::read(&args.file).with_context(|| {
        format!(
            "Error reading manifest from {0}: open {0}",
            args.file.display()
        )
    })?;
    terminal::line(format_args!("{}", RawManifest::digest_of(&bytes)))?;
    Ok(())
}
