//! `standalone-verify MANIFEST DOCKER-REFERENCE KEY-FINGERPRINTS SIGNATURE`

use anyhow::{Context, Result, bail};

use super::read;
use crate::cli::StandaloneVerify;
use crate::manifest::RawManifest;
use crate::reference::Name;
use crate::signature::{Claims, Gpg, Kind};
use crate::terminal;

pub fn run(args: &StandaloneVerify) -> Result<()> {
    let any = args.keys == "any";
    if any && args.public_key_file.is_none() {
        bail!("Cannot use any fingerprint without a public key file");
    }
    let manifest = read("manifest from ", &args.manifest)?;
    let signature = read("signature from ", &args.signature)?;
    let gpg = match &args.public_key_file {
        Some(path) => {
            Gpg::with_keys(&[read("public keys from ", path)?]).context("Error initializing GPG")?
        }
        None => Gpg::of_caller(),
    };
    let verified = gpg
        .verify(&signature)
        .context("Error verifying signature")?;
    let trusted: Vec<&str> = match any {
        true => gpg.imported().iter().map(String::as_str).collect(),
        false => args.keys.split(',').collect(),
    };
    let trusted = trusted.into_iter().find(|key| {
        [&verified.fingerprint, &verified.primary]
            .iter()
            .any(|own| own.eq_ignore_ascii_case(key))
    });
    let Some(fingerprint) = trusted else {
        bail!(
            "Error verifying signature: signature by key {} is not accepted",
            verified.fingerprint
        );
    };
    let claims =
        Claims::from_json(Kind::Simple, &verified.content).context("Error verifying signature")?;
    let digest = RawManifest::digest_of(&manifest);
    if claims.digest != digest {
        bail!(
            "Error verifying signature: Unexpected signed docker digest {:?}, expected {:?}",
            claims.digest.as_str(),
            digest.as_str()
        );
    }
    if !is_same_image(&claims.reference, &args.reference)? {
        bail!(
            "Error verifying signature: Docker reference {:?} does not match {:?}",
            claims.reference,
            args.reference
        );
    }
    terminal::line(format_args!(
        "Signature verified using fingerprint {fingerprint}, digest {digest}"
    ))?;
    Ok(())
}

/// Both in their full form.
fn is_same_image(signed: &str, expected: &str) -> Result<bool> {
    let expected: Name = expected.parse()?;
    Ok(signed
        .parse::<Name>()
        .is_ok_and(|signed| signed == expected))
}
