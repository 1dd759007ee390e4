//! `manifest-digest FILE`: the digest that a registry would know this manifest by.

use anyhow::Result;

use super::read;
use crate::cli::ManifestDigest;
use crate::manifest::RawManifest;
use crate::terminal;

pub fn run(args: &ManifestDigest) -> Result<()> {
    let bytes = read("manifest from ", &args.file)?;
    terminal::line(format_args!("{}", RawManifest::digest_of(&bytes)))?;
    Ok(())
}
