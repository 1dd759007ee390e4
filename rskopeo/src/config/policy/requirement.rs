//! One thing that a policy asks of an image (containers-policy.json(5) "Policy Requirements").

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};

use crate::reference::Name;

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
pub enum Requirement {
    InsecureAcceptAnything {},
    Reject {},
    SignedBy(SignedBy),
    SigstoreSigned(Box<SigstoreSigned>),
    /// Read, and never fulfilled: the format has no meaning for it yet.
    #[serde(rename_all = "camelCase")]
    SignedBaseLayer {
        base_layer_identity: IdentityMatch,
    },
}

impl Requirement {
    /// Whether it takes a verified signature to fulfil it.
    pub fn is_about_signatures(&self) -> bool {
        matches!(self, Self::SignedBy(_) | Self::SigstoreSigned(_))
    }
}

/// Simple signing: OpenPGP.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedBy {
    key_type: String,
    key_path: Option<PathBuf>,
    key_paths: Option<Vec<PathBuf>>,
    #[serde(default, deserialize_with = "base64")]
    key_data: Option<Vec<u8>>,
    #[serde(default)]
    pub signed_identity: IdentityMatch,
}

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

/// Which name a signature has to give the image.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
pub enum IdentityMatch {
    MatchExact {},
    MatchRepoDigestOrExact {},
    MatchRepository {},
    #[serde(rename_all = "camelCase")]
    ExactReference {
        docker_reference: String,
    },
    #[serde(rename_all = "camelCase")]
    ExactRepository {
        docker_repository: String,
    },
    #[serde(rename_all = "camelCase")]
    RemapIdentity {
        prefix: String,
        signed_prefix: String,
    },
}

impl Requirement {
    /// What the types alone do not say.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::InsecureAcceptAnything {} | Self::Reject {} => Ok(()),
            Self::SignedBy(asked) => asked.check(),
            Self::SigstoreSigned(asked) => asked.check(),
            Self::SignedBaseLayer {
                base_layer_identity,
            } => base_layer_identity.check(),
        }
    }
}

impl SignedBy {
    fn check(&self) -> Result<()> {
        match self.key_type.as_str() {
            "GPGKeys" => {}
            other @ ("signedByGPGKeys" | "X509Certificates" | "signedByX509CAs") => {
                bail!("Unimplemented \"keyType\" value {other:?}: only \"GPGKeys\" can be verified")
            }
            other => bail!("invalid keyType {other:?}"),
        }
        let sources = [
            self.key_path.is_some(),
            self.key_paths.is_some(),
            self.key_data.is_some(),
        ];
        exactly_one("keyPath, keyPaths and keyData", &sources)?;
        not_empty("keyPaths", self.key_paths.as_deref())?;
        self.signed_identity.check()
    }

    /// The keyrings, as files or one behind the other.
    pub fn keyrings(&self) -> Result<Vec<Vec<u8>>> {
        one_of_sources(
            self.key_path.as_deref(),
            self.key_paths.as_deref(),
            self.key_data.as_ref(),
            None,
        )
    }
}

impl SigstoreSigned {
    fn check(&self) -> Result<()> {
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

impl Default for IdentityMatch {
    fn default() -> Self {
        Self::MatchRepoDigestOrExact {}
    }
}

impl IdentityMatch {
    fn check(&self) -> Result<()> {
        match self {
            Self::ExactReference { docker_reference } => {
                let name: Name = docker_reference.parse().with_context(|| {
                    format!("Invalid format of dockerReference {docker_reference:?}")
                })?;
                if name.tag.is_none() && name.digest.is_none() {
                    bail!("dockerReference {docker_reference:?} contains neither a tag nor digest");
                }
                Ok(())
            }
            Self::ExactRepository { docker_repository } => {
                let parsed: Result<Name, _> = docker_repository.parse();
                parsed.with_context(|| {
                    format!("Invalid format of dockerRepository {docker_repository:?}")
                })?;
                Ok(())
            }
            Self::RemapIdentity {
                prefix,
                signed_prefix,
            } => {
                check_prefix("prefix", prefix)?;
                check_prefix("signedPrefix", signed_prefix)
            }
            Self::MatchExact {} | Self::MatchRepoDigestOrExact {} | Self::MatchRepository {} => {
                Ok(())
            }
        }
    }
}

/// A host with or without a port, a namespace, or a repository; in its full form.
fn check_prefix(field: &str, prefix: &str) -> Result<()> {
    let as_host = format!("{prefix}/x").parse::<Name>();
    let host_ok = as_host.is_ok_and(|name| format!("{}/x", prefix) == name.repository());
    let as_repository = prefix.parse::<Name>();
    let repository_ok = as_repository.is_ok_and(|name| {
        name.to_string() == *prefix && name.tag.is_none() && name.digest.is_none()
    });
    if !host_ok && !repository_ok {
        bail!(
            "{field} {prefix:?} is not valid: write a host, a namespace or a repository in its full form"
        );
    }
    Ok(())
}

fn exactly_one(what: &str, given: &[bool]) -> Result<()> {
    if given.iter().filter(|given| **given).count() != 1 {
        bail!("exactly one of {what} must be specified");
    }
    Ok(())
}

fn not_empty<T>(field: &str, given: Option<&[T]>) -> Result<()> {
    if given.is_some_and(<[T]>::is_empty) {
        bail!("{field:?} contains no entries");
    }
    Ok(())
}

/// Reads what one of the four ways of giving keys gives.
fn one_of_sources(
    path: Option<&Path>,
    paths: Option<&[PathBuf]>,
    data: Option<&Vec<u8>>,
    datas: Option<&[Vec<u8>]>,
) -> Result<Vec<Vec<u8>>> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("open {}", path.display()));
    let files = path
        .into_iter()
        .chain(paths.unwrap_or_default().iter().map(PathBuf::as_path));
    let mut all = files.map(read).collect::<Result<Vec<_>>>()?;
    all.extend(data.cloned());
    all.extend(datas.unwrap_or_default().iter().cloned());
    Ok(all)
}

fn base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD
        .decode(text)
        .map(Some)
        .map_err(serde::de::Error::custom)
}

fn base64s<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Vec<u8>>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let decoded = texts
        .iter()
        .map(|text| STANDARD.decode(text))
        .collect::<Result<_, _>>();
    decoded.map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(text: &str) -> Result<()> {
        serde_json::from_str::<Requirement>(text)?.check()
    }

    #[test]
    fn what_the_man_page_shows_is_understood() {
        for text in [
            r#"{"type":"signedBy","keyType":"GPGKeys","keyPath":"/k"}"#,
            r#"{"type":"signedBy","keyType":"GPGKeys","keyPaths":["/k","/l"],"signedIdentity":{"type":"matchExact"}}"#,
            r#"{"type":"signedBy","keyType":"GPGKeys","keyData":"YQ==","signedIdentity":{"type":"matchRepoDigestOrExact"}}"#,
            r#"{"type":"signedBy","keyType":"GPGKeys","keyData":"YQ==","signedIdentity":{"type":"exactReference","dockerReference":"a.io/b:c"}}"#,
            r#"{"type":"signedBy","keyType":"GPGKeys","keyData":"YQ==","signedIdentity":{"type":"exactRepository","dockerRepository":"a.io/b"}}"#,
            r#"{"type":"signedBy","keyType":"GPGKeys","keyData":"YQ==","signedIdentity":{"type":"remapIdentity","prefix":"m:5000/v","signedPrefix":"v.example"}}"#,
            r#"{"type":"sigstoreSigned","keyPath":"/k","signedIdentity":{"type":"matchRepository"}}"#,
            r#"{"type":"sigstoreSigned","keyDatas":["YQ==","Yg=="],"rekorPublicKeyData":"YQ=="}"#,
            r#"{"type":"sigstoreSigned","fulcio":{"caPath":"/c","oidcIssuer":"https://i","subjectEmail":"a@b"},"rekorPublicKeyPath":"/r"}"#,
            r#"{"type":"sigstoreSigned","pki":{"caRootsPath":"/c","subjectHostname":"h"}}"#,
            r#"{"type":"signedBaseLayer","baseLayerIdentity":{"type":"matchExact"}}"#,
        ] {
            check(text).unwrap_or_else(|error| panic!("{text}: {error:#}"));
        }
    }

    #[test]
    fn half_told_requirements_are_refused() {
        for (text, told) in [
            (
                r#"{"type":"signedBy","keyType":"GPGKeys"}"#,
                "exactly one of",
            ),
            (
                r#"{"type":"signedBy","keyType":"GPGKeys","keyPath":"/k","keyData":"YQ=="}"#,
                "exactly one of",
            ),
            (
                r#"{"type":"signedBy","keyType":"GPGKeys","keyPaths":[]}"#,
                "no entries",
            ),
            (
                r#"{"type":"signedBy","keyType":"x","keyPath":"/k"}"#,
                "invalid keyType",
            ),
            (
                r#"{"type":"signedBy","keyType":"X509Certificates","keyPath":"/k"}"#,
                "Unimplemented",
            ),
            (
                r#"{"type":"signedBy","keyType":"GPGKeys","keyData":"?"}"#,
                "Invalid",
            ),
            (
                r#"{"type":"signedBy","keyType":"GPGKeys","keyPath":"/k","signedIdentity":{"type":"exactReference","dockerReference":"a.io/b"}}"#,
                "neither a tag nor digest",
            ),
            (
                r#"{"type":"signedBy","keyType":"GPGKeys","keyPath":"/k","signedIdentity":{"type":"remapIdentity","prefix":"a:b:c","signedPrefix":"v"}}"#,
                "not valid",
            ),
            (
                r#"{"type":"sigstoreSigned","fulcio":{"caPath":"/c","oidcIssuer":"i","subjectEmail":"e"}}"#,
                "if fulcio is used",
            ),
            (
                r#"{"type":"sigstoreSigned","pki":{"caRootsPath":"/c"}}"#,
                "At least one of subjectEmail",
            ),
            (
                r#"{"type":"sigstoreSigned","keyPath":"/k","x":1}"#,
                "unknown field",
            ),
        ] {
            let error = format!("{:#}", check(text).unwrap_err());
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
