//! Keys in files: PEM or DER as OpenSSL writes them, or JSON.

use aes::cipher::{BlockCipherDecrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256, Block};
use anyhow::{Context, Result, anyhow, bail};
use md5::{Digest as _, Md5};
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, DecodePublicKey};

use super::jwk::Jwk;
use crate::pem;

#[derive(Clone, Debug)]
pub(super) enum PublicKey {
    Rsa(rsa::PublicKey),
    P256(p256::PublicKey),
    P384(p384::PublicKey),
}

#[derive(Clone)]
pub(super) enum PrivateKey {
    Rsa(Box<rsa::PrivateKey>),
    P256(p256::SecretKey),
    P384(p384::SecretKey),
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey")
    }
}

impl PublicKey {
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        if bytes.trim_ascii_start().starts_with(b"{") {
            return serde_json::from_slice::<Jwk>(bytes)?.public();
        }
        let der = match bytes.starts_with(b"-----") {
            true => pem::single(bytes)?.bytes,
            false => bytes.to_vec(),
        };
        rsa::PublicKey::from_public_key_der(&der)
            .map(Self::Rsa)
            .or_else(|_| p256::PublicKey::from_public_key_der(&der).map(Self::P256))
            .or_else(|_| p384::PublicKey::from_public_key_der(&der).map(Self::P384))
            .map_err(|_| anyhow!("no public key of RSA, P-256 or P-384 in PKIX form"))
    }
}

impl PrivateKey {
    pub(super) fn read(bytes: &[u8], passphrase: Option<&[u8]>) -> Result<Self> {
        if bytes.trim_ascii_start().starts_with(b"{") {
            return serde_json::from_slice::<Jwk>(bytes)?.private();
        }
        if !bytes.starts_with(b"-----") {
            return Self::of_der(bytes);
        }
        // OpenSSL puts the parameters of a curve before the key.
        let mut blocks = pem::parse(bytes)?;
        blocks.retain(|block| block.label != "EC PARAMETERS");
        let [block] = &blocks[..] else {
            bail!("{} keys in one file", blocks.len());
        };
        if block.label == "ENCRYPTED PRIVATE KEY" {
            bail!(
                "an encrypted key in PKCS #8, which is not supported: convert it with openssl rsa -aes256 -traditional"
            );
        }
        match (block.header("DEK-Info"), passphrase) {
            (None, _) => Self::of_der(&block.bytes),
            (Some(_), None) => bail!(
                "Missing password for encrypted private key: write --decryption-key FILE:pass=PASSPHRASE"
            ),
            (Some(info), Some(passphrase)) => {
                let der = decrypted(&block.bytes, info, passphrase)?;
                Self::of_der(&der)
                    .map_err(|_| anyhow!("Wrong password: could not decrypt private key"))
            }
        }
    }

    fn of_der(der: &[u8]) -> Result<Self> {
        let rsa = |key| Self::Rsa(Box::new(key));
        rsa::PrivateKey::from_pkcs8_der(der)
            .map(rsa)
            .ok()
            .or_else(|| rsa::PrivateKey::from_pkcs1_der(der).map(rsa).ok())
            .or_else(|| p256::SecretKey::from_pkcs8_der(der).map(Self::P256).ok())
            .or_else(|| p384::SecretKey::from_pkcs8_der(der).map(Self::P384).ok())
            .or_else(|| p256::SecretKey::from_sec1_der(der).map(Self::P256).ok())
            .or_else(|| p384::SecretKey::from_sec1_der(der).map(Self::P384).ok())
            .context("no private key of RSA, P-256 or P-384")
    }
}

/// OpenSSL's old encryption of PEM files: `AES-256-CBC,IV`, by a key that is MD5 of passphrase and IV.
fn decrypted(bytes: &[u8], info: &str, passphrase: &[u8]) -> Result<Vec<u8>> {
    let (cipher, iv) = info.split_once(',').context("a DEK-Info without IV")?;
    let length = match cipher {
        "AES-128-CBC" => 16,
        "AES-192-CBC" => 24,
        "AES-256-CBC" => 32,
        _ => bail!(
            "a key encrypted by {cipher}, which is not supported: convert it with openssl rsa -aes256 -traditional"
        ),
    };
    let iv = hex(iv).context("a DEK-Info with a wrong IV")?;
    let (blocks, []) = bytes.as_chunks::<16>() else {
        bail!("a key of {} bytes is not encrypted by blocks", bytes.len());
    };
    let key = &derived(passphrase, &iv[..8])[..length];
    let mut previous = iv;
    let mut plain = Vec::with_capacity(bytes.len());
    for encrypted in blocks {
        let mut block = Block::from(*encrypted);
        decrypt_block(key, &mut block)?;
        plain.extend(
            block
                .iter()
                .zip(previous)
                .map(|(byte, before)| byte ^ before),
        );
        previous = *encrypted;
    }
    // The padding's length stands in its bytes.
    let padding = plain.last().copied().unwrap_or(0);
    let kept = plain.len().checked_sub(padding.into());
    match kept {
        Some(kept) if (1..=16).contains(&padding) => plain.truncate(kept),
        _ => bail!("Wrong password: could not decrypt private key"),
    }
    Ok(plain)
}

fn decrypt_block(key: &[u8], block: &mut Block) -> Result<()> {
    let wrong = |_| anyhow!("a key of {} bytes", key.len());
    match key.len() {
        16 => Aes128::new_from_slice(key)
            .map_err(wrong)?
            .decrypt_block(block),
        24 => Aes192::new_from_slice(key)
            .map_err(wrong)?
            .decrypt_block(block),
        _ => Aes256::new_from_slice(key)
            .map_err(wrong)?
            .decrypt_block(block),
    }
    Ok(())
}

/// OpenSSL's EVP_BytesToKey of one round, as far as the longest key goes.
fn derived(passphrase: &[u8], salt: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let mut last: Vec<u8> = Vec::new();
    for part in key.chunks_mut(16) {
        let mut hasher = Md5::new();
        hasher.update(&last);
        hasher.update(passphrase);
        hasher.update(salt);
        last = hasher.finalize().to_vec();
        part.copy_from_slice(&last);
    }
    key
}

fn hex(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}
