//! A key agreed upon by elliptic curves, and a key wrapped by it: ECDH-ES+A…KW (RFC 7518 section 4.6).

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256, Block};
use anyhow::{Context, Result, anyhow, bail};
use ring::digest::{SHA256, digest};

use rsa::Generate as _;

use super::jwk::Jwk;
use super::keys::{PrivateKey, PublicKey};

/// The initial value of RFC 3394 section 2.2.3.1.
const INITIAL: [u8; 8] = [0xa6; 8];

/// How long a key is, in bytes, and which cipher wraps by it.
fn key_length(algorithm: &str) -> Result<usize> {
    Ok(match algorithm {
        "ECDH-ES+A128KW" => 16,
        "ECDH-ES+A192KW" => 24,
        "ECDH-ES+A256KW" => 32,
        _ => bail!("{algorithm:?} is no algorithm of elliptic curves"),
    })
}

/// Wraps `key` for who has the private part of `recipient`; also gives the public key made for it.
pub(super) fn wrap(recipient: &PublicKey, algorithm: &str, key: &[u8]) -> Result<(Jwk, Vec<u8>)> {
    let (ephemeral, shared) = match recipient {
        PublicKey::P256(key) => {
            let secret = p256::SecretKey::try_generate()?;
            let shared = p256::ecdh::diffie_hellman(secret.to_nonzero_scalar(), key.as_affine());
            let public = PublicKey::P256(secret.public_key());
            (public, shared.raw_secret_bytes().to_vec())
        }
        PublicKey::P384(key) => {
            let secret = p384::SecretKey::try_generate()?;
            let shared = p384::ecdh::diffie_hellman(secret.to_nonzero_scalar(), key.as_affine());
            let public = PublicKey::P384(secret.public_key());
            (public, shared.raw_secret_bytes().to_vec())
        }
        PublicKey::Rsa(_) => bail!("{algorithm} needs a key of an elliptic curve"),
    };
    let by = derive(&shared, algorithm, &[], &[])?;
    Ok((Jwk::of_point(&ephemeral)?, wrap_key(&by, key)?))
}

/// The way back.
pub(super) fn unwrap(
    key: &PrivateKey,
    algorithm: &str,
    ephemeral: &Jwk,
    parties: (&[u8], &[u8]),
    wrapped: &[u8],
) -> Result<Vec<u8>> {
    let shared = match (key, ephemeral.public()?) {
        (PrivateKey::P256(key), PublicKey::P256(other)) => {
            p256::ecdh::diffie_hellman(key.to_nonzero_scalar(), other.as_affine())
                .raw_secret_bytes()
                .to_vec()
        }
        (PrivateKey::P384(key), PublicKey::P384(other)) => {
            p384::ecdh::diffie_hellman(key.to_nonzero_scalar(), other.as_affine())
                .raw_secret_bytes()
                .to_vec()
        }
        _ => bail!("it is encrypted for a key of another kind"),
    };
    unwrap_key(&derive(&shared, algorithm, parties.0, parties.1)?, wrapped)
}

/// The Concat KDF of NIST SP 800-56A, of which one round is enough for these lengths.
fn derive(shared: &[u8], algorithm: &str, from: &[u8], to: &[u8]) -> Result<Vec<u8>> {
    let length = key_length(algorithm)?;
    let mut input = 1_u32.to_be_bytes().to_vec();
    input.extend(shared);
    for part in [algorithm.as_bytes(), from, to] {
        input.extend(u32::try_from(part.len())?.to_be_bytes());
        input.extend(part);
    }
    input.extend((length as u32 * 8).to_be_bytes());
    Ok(digest(&SHA256, &input).as_ref()[..length].to_vec())
}

/// AES of any key length.
enum Cipher {
    Aes128(Aes128),
    Aes192(Aes192),
    Aes256(Aes256),
}

impl Cipher {
    fn new(key: &[u8]) -> Result<Self> {
        let made = match key.len() {
            16 => Aes128::new_from_slice(key).map(Self::Aes128),
            24 => Aes192::new_from_slice(key).map(Self::Aes192),
            _ => Aes256::new_from_slice(key).map(Self::Aes256),
        };
        made.map_err(|_| anyhow!("a key of {} bytes", key.len()))
    }

    fn encrypt(&self, block: &mut Block) {
        match self {
            Self::Aes128(cipher) => cipher.encrypt_block(block),
            Self::Aes192(cipher) => cipher.encrypt_block(block),
            Self::Aes256(cipher) => cipher.encrypt_block(block),
        }
    }

    fn decrypt(&self, block: &mut Block) {
        match self {
            Self::Aes128(cipher) => cipher.decrypt_block(block),
            Self::Aes192(cipher) => cipher.decrypt_block(block),
            Self::Aes256(cipher) => cipher.decrypt_block(block),
        }
    }
}

/// RFC 3394 section 2.2.1. `key` is of whole words of 8 bytes.
fn wrap_key(by: &[u8], key: &[u8]) -> Result<Vec<u8>> {
    let cipher = Cipher::new(by)?;
    let mut words: Vec<[u8; 8]> = key.as_chunks().0.to_vec();
    let mut check = INITIAL;
    let count = words.len() as u64;
    for round in 0..6 {
        for (n, word) in (1..).zip(&mut words) {
            let mut block = joined(check, *word);
            cipher.encrypt(&mut block);
            (check, *word) = halves(&block);
            check = counted(check, count * round + n);
        }
    }
    let mut wrapped = check.to_vec();
    wrapped.extend(words.concat());
    Ok(wrapped)
}

/// RFC 3394 section 2.2.2.
///
/// # Errors
/// It was not wrapped by this key.
fn unwrap_key(by: &[u8], wrapped: &[u8]) -> Result<Vec<u8>> {
    let cipher = Cipher::new(by)?;
    let (words, []) = wrapped.as_chunks::<8>() else {
        bail!("a wrapped key of {} bytes", wrapped.len());
    };
    let (check, words) = words.split_first().context("an empty wrapped key")?;
    let (mut check, mut words) = (*check, words.to_vec());
    let count = words.len() as u64;
    for round in (0..6).rev() {
        for (n, word) in (1..).zip(&mut words).collect::<Vec<_>>().into_iter().rev() {
            let mut block = joined(counted(check, count * round + n), *word);
            cipher.decrypt(&mut block);
            (check, *word) = halves(&block);
        }
    }
    if check != INITIAL {
        bail!("it is encrypted for another key");
    }
    Ok(words.concat())
}

fn joined(first: [u8; 8], second: [u8; 8]) -> Block {
    let mut block = Block::default();
    block[..8].copy_from_slice(&first);
    block[8..].copy_from_slice(&second);
    block
}

fn halves(block: &Block) -> ([u8; 8], [u8; 8]) {
    let (mut first, mut second) = ([0; 8], [0; 8]);
    first.copy_from_slice(&block[..8]);
    second.copy_from_slice(&block[8..]);
    (first, second)
}

fn counted(check: [u8; 8], step: u64) -> [u8; 8] {
    (u64::from_be_bytes(check) ^ step).to_be_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// RFC 3394 section 4.3.
    #[test]
    fn keys_are_wrapped_as_the_standard_shows() {
        let by: Vec<u8> = (0..32).collect();
        let key: Vec<u8> = (0..16).map(|n| n * 0x11).collect();
        let wrapped = wrap_key(&by, &key).unwrap();
        assert_eq!(wrapped[..4], [0x64, 0xe8, 0xc3, 0xf9]);
        assert_eq!(unwrap_key(&by, &wrapped).unwrap(), key);
        assert!(unwrap_key(&[0; 32], &wrapped).is_err());
        assert!(unwrap_key(&by, &wrapped[..23]).is_err());
        assert!(unwrap_key(&by, &[]).is_err());
    }

    /// RFC 7518 appendix C.
    #[test]
    fn keys_are_derived_as_the_standard_shows() {
        let shared = [
            158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49,
            110, 163, 218, 128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
        ];
        let mut input = 1_u32.to_be_bytes().to_vec();
        input.extend(shared);
        for part in ["A128GCM", "Alice", "Bob"] {
            input.extend((part.len() as u32).to_be_bytes());
            input.extend(part.as_bytes());
        }
        input.extend(128_u32.to_be_bytes());
        let expected = [86, 170, 141, 234, 248, 35, 109, 32];
        assert_eq!(digest(&SHA256, &input).as_ref()[..8], expected);
        // The same with an algorithm that is ours.
        assert_eq!(
            derive(&shared, "ECDH-ES+A128KW", b"Alice", b"Bob")
                .unwrap()
                .len(),
            16
        );
    }
}
