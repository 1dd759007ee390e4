//! Keys that sign, in cosign's encrypted files: PKCS #8 within NaCl's secretbox, under a key made by scrypt.

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit as _;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit as _, StreamCipher as _};
use serde::{Deserialize, Serialize};

use crate::pem;

/// The one that every version of cosign and skopeo reads; newer ones also write `ENCRYPTED SIGSTORE PRIVATE KEY`.
const LABEL: &str = "ENCRYPTED COSIGN PRIVATE KEY";
const LABELS: [&str; 2] = [LABEL, "ENCRYPTED SIGSTORE PRIVATE KEY"];

/// scrypt's cost that older readers insist on, as its logarithm.
const LOG_N: u8 = 15;
const R: u32 = 8;
const P: u32 = 1;
/// Files of a higher cost are refused: it is memory, and the file says how much.
const MAX_LOG_N: u32 = 20;

/// The start of a P-256 key's SubjectPublicKeyInfo; the point follows (RFC 5480 section 2).
const P256_INFO: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A key that signs.
#[derive(Debug)]
pub enum PrivateKey {
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Both halves of a new key, as the texts of their files.
#[derive(Debug)]
pub struct KeyPair {
    pub private: String,
    pub public: String,
}

// The fields are in the order in which cosign writes them.
#[derive(Deserialize, Serialize)]
struct Sealed {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize, Serialize)]
struct Kdf {
    name: String,
    params: Params,
    salt: String,
}

#[derive(Deserialize, Serialize)]
struct Params {
    #[serde(rename = "N")]
    n: u32,
    r: u32,
    p: u32,
}

#[derive(Deserialize, Serialize)]
struct Cipher {
    name: String,
    nonce: String,
}

impl KeyPair {
    /// A new P-256 key, the only kind that every verifier has to know.
    pub fn generate(passphrase: &[u8]) -> Result<Self> {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random);
        let pkcs8 = made.map_err(|_| anyhow!("Error generating key pair"))?;
        let key = p256(pkcs8.as_ref())?;
        let info = [&P256_INFO[..], key.public_key().as_ref()].concat();
        Ok(Self {
            private: pem::encode(LABEL, &seal(pkcs8.as_ref(), passphrase)?),
            public: pem::encode("PUBLIC KEY", &info),
        })
    }
}

impl PrivateKey {
    /// Opens the text of a key file.
    pub fn open(text: &[u8], passphrase: &[u8]) -> Result<Self> {
        let block = pem::single(text)?;
        if !LABELS.contains(&block.label.as_str()) {
            bail!("unsupported pem type: {}", block.label);
        }
        let pkcs8 = unseal(&block.bytes, passphrase)?;
        p256(&pkcs8)
            .map(Self::P256)
            .or_else(|_| RsaKeyPair::from_pkcs8(&pkcs8).map(Self::Rsa))
            .or_else(|_| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8).map(Self::Ed25519))
            .map_err(|_| anyhow!("unsupported key type: P-256, RSA and Ed25519 keys can sign"))
    }

    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::P256(key) => {
                let signature = key.sign(&random, message);
                Ok(signature
                    .map_err(|_| anyhow!("ECDSA signing failed"))?
                    .as_ref()
                    .to_vec())
            }
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| anyhow!("RSA signing failed"))?;
                Ok(signature)
            }
            Self::Ed25519(key) => Ok(key.sign(message).as_ref().to_vec()),
        }
    }
}

fn p256(pkcs8: &[u8]) -> Result<EcdsaKeyPair> {
    let random = SystemRandom::new();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &random)
        .map_err(|error| anyhow!("parsing private key: {error}"))
}

fn seal(plain: &[u8], passphrase: &[u8]) -> Result<Vec<u8>> {
    let salt: [u8; 32] = random()?;
    let nonce: [u8; 24] = random()?;
    let key = derive(passphrase, &salt, LOG_N, R, P)?;
    let sealed = Sealed {
        kdf: Kdf {
            name: "scrypt".to_owned(),
            params: Params {
                n: 1 << LOG_N,
                r: R,
                p: P,
            },
            salt: STANDARD.encode(salt),
        },
        cipher: Cipher {
            name: "nacl/secretbox".to_owned(),
            nonce: STANDARD.encode(nonce),
        },
        ciphertext: STANDARD.encode(close_box(&key, &nonce, plain)),
    };
    Ok(serde_json::to_vec(&sealed)?)
}

fn unseal(json: &[u8], passphrase: &[u8]) -> Result<Vec<u8>> {
    let Sealed {
        kdf,
        cipher,
        ciphertext,
    } = serde_json::from_slice(json).context("decrypt: parsing the encrypted key")?;
    if kdf.name != "scrypt" || cipher.name != "nacl/secretbox" {
        bail!(
            "decrypt: unknown kdf {:?} or cipher {:?}",
            kdf.name,
            cipher.name
        );
    }
    let Params { n, r, p } = kdf.params;
    if !n.is_power_of_two() || n.trailing_zeros() > MAX_LOG_N || r > 32 || p > 16 {
        bail!("decrypt: unsupported scrypt parameters N={n} r={r} p={p}");
    }
    let decode = |text: &str| {
        STANDARD
            .decode(text)
            .context("decrypt: parsing the encrypted key")
    };
    let log_n = u8::try_from(n.trailing_zeros())?;
    let key = derive(passphrase, &decode(&kdf.salt)?, log_n, r, p)?;
    let nonce = decode(&cipher.nonce)?;
    let nonce = nonce
        .as_slice()
        .try_into()
        .context("decrypt: the nonce is not of 24 bytes")?;
    open_box(&key, nonce, &decode(&ciphertext)?)
        .context("decrypt: encrypted: decryption failed: is the passphrase right?")
}

fn derive(passphrase: &[u8], salt: &[u8], log_n: u8, r: u32, p: u32) -> Result<[u8; 32]> {
    let params =
        scrypt::Params::new(log_n, r, p).context("decrypt: unsupported scrypt parameters")?;
    let mut key = [0; 32];
    scrypt::scrypt(passphrase, salt, &params, &mut key)
        .map_err(|_| anyhow!("deriving a key from the passphrase failed"))?;
    Ok(key)
}

/// NaCl's `crypto_secretbox`: the tag, then the ciphertext.
fn close_box(key: &[u8; 32], nonce: &[u8; 24], plain: &[u8]) -> Vec<u8> {
    // The first 32 bytes of the key stream are the tag's key.
    let mut bytes = [&[0; 32], plain].concat();
    XSalsa20::new(key.into(), nonce.into()).apply_keystream(&mut bytes);
    let tag = tag_of(&bytes[..32], &bytes[32..]);
    [&tag[..], &bytes[32..]].concat()
}

/// None if the tag does not fit.
fn open_box(key: &[u8; 32], nonce: &[u8; 24], sealed: &[u8]) -> Option<Vec<u8>> {
    let (tag, ciphertext) = sealed.split_at_checked(16)?;
    let mut bytes = [&[0; 32], ciphertext].concat();
    let mut stream = XSalsa20::new(key.into(), nonce.into());
    stream.apply_keystream(&mut bytes[..32]);
    // Nothing secret is learnt from the time that this takes: whoever runs it has the file and may try as often as they like.
    if tag_of(&bytes[..32], ciphertext) != tag {
        return None;
    }
    stream.apply_keystream(&mut bytes[32..]);
    Some(bytes.split_off(32))
}

fn tag_of(key: &[u8], ciphertext: &[u8]) -> Vec<u8> {
    let Ok(poly) = Poly1305::new_from_slice(key) else {
        return Vec::new();
    };
    poly.compute_unpadded(ciphertext).to_vec()
}

fn random<const N: usize>() -> Result<[u8; N]> {
    use ring::rand::SecureRandom as _;
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| anyhow!("the system has no random numbers"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::public_key;
    use super::*;

    #[test]
    fn a_new_key_signs_and_verifies() {
        let pair = KeyPair::generate(b"secret").unwrap();
        let key = PrivateKey::open(pair.private.as_bytes(), b"secret").unwrap();
        let signature = key.sign(b"message").unwrap();
        let public = public_key::parse_all(&[pair.public.into_bytes()]).unwrap();
        assert!(public[0].verifies(b"message", &signature));
        assert!(!public[0].verifies(b"massage", &signature));
        let wrong = PrivateKey::open(pair.private.as_bytes(), b"other").unwrap_err();
        assert!(wrong.to_string().contains("passphrase"), "{wrong:#}");
    }

    #[test]
    fn costly_files_are_refused() {
        let sealed = r#"{"kdf":{"name":"scrypt","params":{"N":1073741824,"r":8,"p":1},"salt":""},
            "cipher":{"name":"nacl/secretbox","nonce":""},"ciphertext":""}"#;
        let error = unseal(sealed.as_bytes(), b"").unwrap_err();
        assert!(
            error.to_string().contains("unsupported scrypt parameters"),
            "{error}"
        );
    }

    #[test]
    fn a_box_is_closed_and_opened() {
        let key = [
            0x1b, 0x27, 0x55, 0x64, 0x73, 0xe9, 0x85, 0xd4, 0x62, 0xcd, 0x51, 0x19, 0x7a, 0x9a,
            0x46, 0xc7, 0x60, 0x09, 0x54, 0x9e, 0xac, 0x64, 0x74, 0xf2, 0x06, 0xc4, 0xee, 0x08,
            0x44, 0xf6, 0x83, 0x89,
        ];
        let nonce = [
            0x69, 0x69, 0x6e, 0xe9, 0x55, 0xb6, 0x2b, 0x73, 0xcd, 0x62, 0xbd, 0xa8, 0x75, 0xfc,
            0x73, 0xd6, 0x82, 0x19, 0xe0, 0x03, 0x6b, 0x7a, 0x0b, 0x37,
        ];
        let closed = close_box(&key, &nonce, b"hello");
        assert_eq!(open_box(&key, &nonce, &closed).unwrap(), b"hello");
        assert!(open_box(&key, &nonce, &closed[1..]).is_none());
        assert!(open_box(&key, &nonce, b"short").is_none());
    }
}
