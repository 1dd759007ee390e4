//! `manifest-digest FILE`: the digest that a registry would know this manifest by.

use std::fs;

use anyhow::{Context, Result};

use crate::cli::ManifestDigest;
use crate::digest::Digest;

pub fn run(args: &ManifestDigest) -> Result<()> {
    let bytes = fs::read(&args.file)
        .with_context(|| format!("Error reading manifest from {}", args.file.display()))?;
    println!("{}", Digest::sha256(&bytes));
    Ok(())
}
