//! Keys as JSON (RFC 7517, RFC 7518 section 6).

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::BoxedUint;
use serde::{Deserialize, Serialize};

use super::keys::{PrivateKey, PublicKey};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Jwk {
    kty: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    crv: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    x: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    y: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    n: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    e: String,
    /// Private, as p and q.
    #[serde(default, skip_serializing)]
    d: String,
    #[serde(default, skip_serializing)]
    p: String,
    #[serde(default, skip_serializing)]
    q: String,
}

impl Jwk {
    pub(super) fn of_point(key: &PublicKey) -> Result<Self> {
        let (crv, point) = match key {
            PublicKey::P256(key) => ("P-256", key.to_sec1_bytes()),
            PublicKey::P384(key) => ("P-384", key.to_sec1_bytes()),
            PublicKey::Rsa(_) => bail!("an RSA key is no point of a curve"),
        };
        // 4, x, y
        let (x, y) = point[1..].split_at((point.len() - 1) / 2);
        Ok(Self {
            kty: "EC".to_owned(),
            crv: crv.to_owned(),
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
            ..Self::default()
        })
    }

    pub(super) fn public(&self) -> Result<PublicKey> {
        match (self.kty.as_str(), self.crv.as_str()) {
            ("RSA", _) => {
                let key = rsa::PublicKey::new(number(&self.n)?, number(&self.e)?);
                Ok(PublicKey::Rsa(key.map_err(|error| anyhow!("{error}"))?))
            }
            ("EC", "P-256") => Ok(PublicKey::P256(p256::PublicKey::from_sec1_bytes(
                &self.point(32)?,
            )?)),
            ("EC", "P-384") => Ok(PublicKey::P384(p384::PublicKey::from_sec1_bytes(
                &self.point(48)?,
            )?)),
            _ => Err(self.unknown()),
        }
    }

    pub(super) fn private(&self) -> Result<PrivateKey> {
        if self.d.is_empty() {
            bail!("JWK is not a private key");
        }
        match (self.kty.as_str(), self.crv.as_str()) {
            ("RSA", _) => {
                let key = rsa::PrivateKey::from_components(
                    number(&self.n)?,
                    number(&self.e)?,
                    number(&self.d)?,
                    vec![number(&self.p)?, number(&self.q)?],
                );
                Ok(PrivateKey::Rsa(Box::new(
                    key.map_err(|error| anyhow!("{error}"))?,
                )))
            }
            ("EC", "P-256") => Ok(PrivateKey::P256(p256::SecretKey::from_slice(&decoded(
                &self.d,
            )?)?)),
            ("EC", "P-384") => Ok(PrivateKey::P384(p384::SecretKey::from_slice(&decoded(
                &self.d,
            )?)?)),
            _ => Err(self.unknown()),
        }
    }

    fn unknown(&self) -> anyhow::Error {
        anyhow!(
            "a key of type {:?} and curve {:?}: RSA, and EC of P-256 and P-384, are supported",
            self.kty,
            self.crv
        )
    }

    fn point(&self, length: usize) -> Result<Vec<u8>> {
        let mut point = vec![4];
        for coordinate in [&self.x, &self.y] {
            let bytes = decoded(coordinate)?;
            if bytes.len() != length {
                bail!("a coordinate of {} bytes", bytes.len());
            }
            point.extend(bytes);
        }
        Ok(point)
    }
}

fn decoded(text: &str) -> Result<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).context("a JWK's number")
}

fn number(text: &str) -> Result<BoxedUint> {
    Ok(BoxedUint::from_be_slice_vartime(&decoded(text)?))
}
