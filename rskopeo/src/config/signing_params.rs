//! The file of `--sign-by-sigstore` (containers-sigstore-signing-params.yaml(5)).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::yaml;

/// A private key on this host; nothing that needs a server to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningParams {
    pub private_key: PathBuf,
    pub passphrase_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    private_key_file: Option<PathBuf>,
    private_key_passphrase_file: Option<PathBuf>,
    fulcio: Option<IgnoredAny>,
    #[serde(rename = "rekorURL")]
    rekor_url: Option<String>,
}

impl SigningParams {
    pub fn load(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("open {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("parsing {:?}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let file: File = yaml::parse(text)?;
        if file.fulcio.is_some() {
            bail!("fulcio: certificates are not asked for here: sign with a privateKeyFile");
        }
        if let Some(url) = file.rekor_url {
            bail!("rekorURL: signatures are not recorded at {url} from here: leave rekorURL out");
        }
        Ok(Self {
            private_key: file.private_key_file.context("privateKeyFile is missing")?,
            passphrase_file: file.private_key_passphrase_file,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_cannot_be_done_is_refused() {
        let params =
            SigningParams::parse("privateKeyFile: /k\nprivateKeyPassphraseFile: /p\n").unwrap();
        assert_eq!(params.private_key, Path::new("/k"));
        for (text, told) in [
            ("privateKeyFile: /k\nrekorURL: https://r\n", "rekorURL"),
            ("fulcio:\n  fulcioURL: x\n", "fulcio"),
            (
                "privateKeyPassphraseFile: /p\n",
                "privateKeyFile is missing",
            ),
            ("unknown: 1\n", "unknown"),
        ] {
            let error = format!("{:#}", SigningParams::parse(text).unwrap_err());
            assert!(error.contains(told), "{error}");
        }
    }
}
