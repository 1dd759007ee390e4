//! What a policy asks of sigstore's signatures.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde::Deserialize;

use super::IdentityMatch;
use super::keys::{base64, base64s, exactly_one, not_empty, one_of_sources};

/// Sigstore: a public key, or a certificate, and what a transparency log says.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SigstoreSigned {
    key_path: Option<PathBuf>,
    key_paths: Option<Vec<PathBuf>>,
    #[serde(default, deserialize_with = "base64")]
    key_data: Option<Vec<u8>>,
    #[serde(default, deserialize_with = "base64s")]
    key_datas: Option<Vec<Vec<u8>>>,
    pub fulcio: Option<Fulcio>,
    pub pki: Option<Pki>,
    rekor_public_key_path: Option<PathBuf>,
    rekor_public_key_paths: Option<Vec<PathBuf>>,
    #[serde(default, deserialize_with = "base64")]
    rekor_public_key_data: Option<Vec<u8>>,
    #[serde(default, deserialize_with = "base64s")]
    rekor_public_key_datas: Option<Vec<Vec<u8>>>,
    #[serde(default)]
    pub signed_identity: IdentityMatch,
}

/// A certificate authority that vouches for who logged in somewhere.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fulcio {
    ca_path: Option<PathBuf>,
    #[serde(default, deserialize_with = "base64")]
    ca_data: Option<Vec<u8>>,
    #[serde(rename = "oidcIssuer")]
    pub oidc_issuer: String,
    pub subject_email: String,
}

/// Certificate authorities of one's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pki {
    ca_roots_path: Option<PathBuf>,
    #[serde(default, deserialize_with = "base64")]
    ca_roots_data: Option<Vec<u8>>,
    ca_intermediates_path: Option<PathBuf>,
    #[serde(default, deserialize_with = "base64")]
    ca_intermediates_data: Option<Vec<u8>>,
    pub subject_email: Option<String>,
    pub subject_hostname: Option<String>,
}

impl SigstoreSigned {
    pub(super) fn check(&self) -> Result<()> {
        let keys = [
            self.key_path.is_some(),
            self.key_paths.is_some(),
            self.key_data.is_some(),
            self.key_datas.is_some(),
            self.fulcio.is_some(),
            self.pki.is_some(),
        ];
        exactly_one(
            "keyPath, keyPaths, keyData, keyDatas, fulcio, and pki",
            &keys,
        )?;
        not_empty("keyPaths", self.key_paths.as_deref())?;
        not_empty("keyDatas", self.key_datas.as_deref())?;
        not_empty(
            "rekorPublicKeyPaths",
            self.rekor_public_key_paths.as_deref(),
        )?;
        not_empty(
            "rekorPublicKeyDatas",
            self.rekor_public_key_datas.as_deref(),
        )?;
        let logs = [
            self.rekor_public_key_path.is_some(),
            self.rekor_public_key_paths.is_some(),
            self.rekor_public_key_data.is_some(),
            self.rekor_public_key_datas.is_some(),
        ];
        const LOGS: &str =
            "rekorPublicKeyPath, rekorPublicKeyPaths, rekorPublicKeyData and rekorPublicKeyDatas";
        match logs.iter().filter(|given| **given).count() {
            0 if self.fulcio.is_some() => {
                bail!("At least one of {LOGS} must be specified if fulcio is used")
            }
            0 => {}
            1 if self.pki.is_some() => bail!("{LOGS} are not supported for pki"),
            1 => {}
            _ => bail!("at most one of {LOGS} can be used simultaneously"),
        }
        if let Some(Fulcio {
            ca_path, ca_data, ..
        }) = &self.fulcio
        {
            exactly_one("caPath and caData", &[ca_path.is_some(), ca_data.is_some()])?;
        }
        if let Some(pki) = &self.pki {
            pki.check()?;
        }
        self.signed_identity.check()
    }

    /// PEM texts of the public keys; none when certificates are asked for.
    pub fn keys(&self) -> Result<Vec<Vec<u8>>> {
        one_of_sources(
            self.key_path.as_deref(),
            self.key_paths.as_deref(),
            self.key_data.as_ref(),
            self.key_datas.as_deref(),
        )
    }

    /// PEM texts of the public keys of transparency logs.
    pub fn rekor_keys(&self) -> Result<Vec<Vec<u8>>> {
        one_of_sources(
            self.rekor_public_key_path.as_deref(),
            self.rekor_public_key_paths.as_deref(),
            self.rekor_public_key_data.as_ref(),
            self.rekor_public_key_datas.as_deref(),
        )
    }
}

impl Fulcio {
    /// PEM text of the authorities.
    pub fn authorities(&self) -> Result<Vec<u8>> {
        Ok(one_of_sources(self.ca_path.as_deref(), None, self.ca_data.as_ref(), None)?.concat())
    }
}

impl Pki {
    fn check(&self) -> Result<()> {
        let roots = [self.ca_roots_path.is_some(), self.ca_roots_data.is_some()];
        exactly_one("caRootsPath and caRootsData", &roots)?;
        if self.ca_intermediates_path.is_some() && self.ca_intermediates_data.is_some() {
            bail!("caIntermediatesPath and caIntermediatesData cannot be used simultaneously");
        }
        if self.subject_email.is_none() && self.subject_hostname.is_none() {
            bail!("At least one of subjectEmail, subjectHostname must be specified");
        }
        Ok(())
    }

    pub fn roots(&self) -> Result<Vec<u8>> {
        let data = self.ca_roots_data.as_ref();
        Ok(one_of_sources(self.ca_roots_path.as_deref(), None, data, None)?.concat())
    }

    pub fn intermediates(&self) -> Result<Vec<u8>> {
        let data = self.ca_intermediates_data.as_ref();
        Ok(one_of_sources(self.ca_intermediates_path.as_deref(), None, data, None)?.concat())
    }
}
