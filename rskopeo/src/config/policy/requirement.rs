//! One thing that a policy asks of an image (containers-policy.json(5) "Policy Requirements").

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde::Deserialize;

use super::keys::{base64, exactly_one, not_empty, one_of_sources};
use super::{IdentityMatch, SigstoreSigned};

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
