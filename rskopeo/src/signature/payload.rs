//! What a signature says: this name stands for the image with this digest (containers-signature(5)).

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Digest;
use crate::go_json;

/// The two dialects of the same document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Simple,
    Sigstore,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Simple => "atomic container signature",
            Self::Sigstore => "cosign container image signature",
        }
    }
}

/// The claims of a signature. They mean something only when the signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    pub reference: String,
    pub digest: Digest,
    pub creator: Option<String>,
    /// Seconds since 1970.
    pub timestamp: Option<i64>,
}

// Every field in the order of its name, as Go writes maps.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Document {
    critical: Critical,
    optional: Value,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    #[serde(rename = "docker-reference")]
    reference: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: Digest,
}

#[derive(Deserialize, Serialize)]
struct Optional {
    #[serde(skip_serializing_if = "Option::is_none")]
    creator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<f64>,
}

impl Claims {
    pub fn new(reference: &str, digest: Digest) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            reference: reference.to_owned(),
            digest,
            creator: Some(concat!("rskopeo ", env!("CARGO_PKG_VERSION")).to_owned()),
            timestamp: now.ok().and_then(|now| i64::try_from(now.as_secs()).ok()),
        }
    }

    pub fn to_json(&self, kind: Kind) -> Result<String> {
        let mut optional = serde_json::Map::new();
        optional.extend(
            self.creator
                .clone()
                .map(|it| ("creator".to_owned(), it.into())),
        );
        optional.extend(self.timestamp.map(|it| ("timestamp".to_owned(), it.into())));
        Ok(go_json::compact(&Document {
            critical: Critical {
                identity: Identity {
                    reference: self.reference.clone(),
                },
                image: Image {
                    digest: self.digest.clone(),
                },
                kind: kind.name().to_owned(),
            },
            optional: Value::Object(optional),
        })?)
    }

    /// Reads exactly this document and nothing that merely looks like it.
    pub fn from_json(kind: Kind, json: &[u8]) -> Result<Self> {
        let document: Document =
            serde_json::from_slice(json).context("parsing a signature's payload")?;
        let Critical {
            identity,
            image,
            kind: given,
        } = document.critical;
        if given != kind.name() {
            bail!("Unrecognized signature type {given}");
        }
        let optional = match (document.optional, kind) {
            // cosign's way of saying that there are none.
            (Value::Null, Kind::Sigstore) => Optional {
                creator: None,
                timestamp: None,
            },
            (optional, _) => {
                serde_json::from_value(optional).context("parsing a signature's payload")?
            }
        };
        let timestamp = match optional.timestamp {
            Some(seconds) if seconds.fract() != 0.0 || seconds.abs() > 9e15 => {
                bail!("Field optional.timestamp is not an integer")
            }
            #[expect(clippy::cast_possible_truncation, reason = "checked above")]
            Some(seconds) => Some(seconds as i64),
            None => None,
        };
        Ok(Self {
            reference: identity.reference,
            digest: image.digest,
            creator: optional.creator,
            timestamp,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn there_and_back() {
        let claims = Claims::new("a.io/b:<c>", Digest::sha256(b"x"));
        for kind in [Kind::Simple, Kind::Sigstore] {
            let json = claims.to_json(kind).unwrap();
            assert_eq!(Claims::from_json(kind, json.as_bytes()).unwrap(), claims);
            assert!(json.starts_with(r#"{"critical":{"identity":{"docker-reference":"#));
        }
        let json = claims.to_json(Kind::Simple).unwrap();
        assert!(Claims::from_json(Kind::Sigstore, json.as_bytes()).is_err());
    }

    #[test]
    fn cosigns_own_is_understood() {
        let json = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"r/x"}},"image":{{"docker-manifest-digest":"{}"}},"type":"cosign container image signature"}},"optional":null}}"#,
            Digest::sha256(b"x")
        );
        let claims = Claims::from_json(Kind::Sigstore, json.as_bytes()).unwrap();
        assert_eq!(claims.reference, "r/x");
        let more = json.replace(r#""type""#, r#""extra":1,"type""#);
        assert!(Claims::from_json(Kind::Sigstore, more.as_bytes()).is_err());
        let fraction = json.replace("null", r#"{"timestamp":0.5}"#);
        assert!(Claims::from_json(Kind::Sigstore, fraction.as_bytes()).is_err());
        let unknown = json.replace("null", r#"{"other":0.5}"#);
        assert!(Claims::from_json(Kind::Sigstore, unknown.as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn never_panics(json in ".{0,120}") {
            let _ = Claims::from_json(Kind::Simple, json.as_bytes());
        }
    }
}
