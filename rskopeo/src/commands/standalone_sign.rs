//! `standalone-sign MANIFEST DOCKER-REFERENCE KEY-FINGERPRINT -o SIGNATURE`

use std::fs;

use anyhow::{Context, Result};

use super::read;
use crate::cli::StandaloneSign;
use crate::manifest::RawManifest;
use crate::signature::{Claims, Gpg, Kind, passphrase};

pub fn run(args: &StandaloneSign) -> Result<()> {
    let manifest = read("", &args.manifest)?;
    let file = args.passphrase_file.as_deref();
    let passphrase = file.map(passphrase::read_file).transpose()?;
    let claims = Claims::new(&args.reference, RawManifest::digest_of(&manifest));
    let json = claims.to_json(Kind::Simple)?;
    let signature = Gpg::of_caller()
        .sign(json.as_bytes(), &args.key, passphrase.as_deref())
        .context("Error creating signature")?;
    // Not by rename: it may be a pipe, or /dev/null.
    fs::write(&args.output, signature)
        .with_context(|| format!("Error writing signature to {}", args.output.display()))
}
