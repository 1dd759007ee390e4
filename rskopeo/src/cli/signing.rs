use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::reference::Name;

/// How a copy treats and makes signatures: the same options for copy and sync.
#[derive(Debug, Default, clap::Args)]
pub struct Signing {
    /// Do not copy signatures from SOURCE-IMAGE
    #[arg(long)]
    pub remove_signatures: bool,
    /// Sign the image using a GPG key with the specified FINGERPRINT
    #[arg(long, value_name = "FINGERPRINT")]
    pub sign_by: Option<String>,
    /// Sign the image using a sigstore parameter file at PATH
    #[arg(long, value_name = "PATH")]
    pub sign_by_sigstore: Option<PathBuf>,
    /// Sign the image using a sigstore private key at PATH
    #[arg(long, value_name = "PATH")]
    pub sign_by_sigstore_private_key: Option<PathBuf>,
    /// Refused: OpenPGP signatures are made by gpg, with --sign-by
    #[arg(long, value_name = "FINGERPRINT", hide = true)]
    pub sign_by_sq_fingerprint: Option<String>,
    /// Read a passphrase for signing an image from PATH
    #[arg(long, value_name = "PATH")]
    pub sign_passphrase_file: Option<PathBuf>,
    /// Identity of signed image, must be a fully specified docker reference. Defaults to the target docker reference
    #[arg(long, value_name = "REFERENCE")]
    pub sign_identity: Option<String>,
}

impl Signing {
    /// `--sign-identity`, in its full form and with a tag or a digest.
    pub fn identity(&self) -> Result<Option<Name>> {
        let Some(text) = &self.sign_identity else {
            return Ok(None);
        };
        let name: Name = text.parse().context("Could not parse --sign-identity")?;
        if name.to_string() != *text {
            bail!(
                "Could not parse --sign-identity: repository name must be canonical: {text} is {name}"
            );
        }
        if name.tag.is_none() && name.digest.is_none() {
            bail!("Sign identity must be a fully specified reference {text}");
        }
        Ok(Some(name))
    }
}
