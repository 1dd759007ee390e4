//! Keys that verify: ECDSA, RSA and Ed25519, always over SHA-256 where there is a choice.

use anyhow::{Result, bail};
use rustls::pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use webpki::{RawPublicKeyEntity, ring};

use crate::pem;

const ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 4] = [
    ring::ECDSA_P256_SHA256,
    ring::ECDSA_P384_SHA256,
    ring::RSA_PKCS1_2048_8192_SHA256,
    ring::ED25519,
];

/// A SubjectPublicKeyInfo (RFC 5280 section 4.1).
#[derive(Clone, Debug)]
pub struct PublicKey(SubjectPublicKeyInfoDer<'static>);

impl PublicKey {
    pub fn from_der(der: Vec<u8>) -> Result<Self> {
        let key = Self(der.into());
        if RawPublicKeyEntity::try_from(&key.0).is_err() {
            bail!("not a public key");
        }
        Ok(key)
    }

    pub fn to_pem(&self) -> String {
        pem::encode("PUBLIC KEY", &self.0)
    }

    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(key) = RawPublicKeyEntity::try_from(&self.0) else {
            return false;
        };
        let by = |algorithm| key.verify_signature(algorithm, message, signature).is_ok();
        ALGORITHMS.into_iter().any(by)
    }
}

/// One key for each PEM text.
pub fn parse_all(texts: &[Vec<u8>]) -> Result<Vec<PublicKey>> {
    let parse = |text: &Vec<u8>| {
        let block = pem::single(text)?;
        if block.label != "PUBLIC KEY" {
            bail!("a PEM block {:?} is no PUBLIC KEY", block.label);
        }
        PublicKey::from_der(block.bytes)
    };
    texts.iter().map(parse).collect()
}
