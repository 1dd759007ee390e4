//! Encrypted layers (ocicrypt): a layer is encrypted by a key of its own, and that key, for everybody who may read the layer, by
//! theirs. What they need for it stands in the layer's annotations.
//!
//! ```text
//! layer ─ (compressed) ─ AES-256-CTR, HMAC-SHA256 ─▶ blob, of a media type that ends in +encrypted
//!            symmetric key, nonce ─ JWE (RSA-OAEP, ECDH-ES) ─▶ org.opencontainers.image.enc.keys.jwe
//!                            cipher, HMAC of the blob ────────▶ org.opencontainers.image.enc.pubopts
//! ```
//!
//! Of ocicrypt's ways to wrap a key this is the one that needs no other program and no key ring; the others are refused by name.

mod cipher;
mod curve;
mod jwe;
mod jwk;
mod keys;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::digest::Digest;
use crate::manifest::Descriptor;

pub use cipher::{Decrypting, Encrypting, Sealed};
use keys::{PrivateKey, PublicKey};

/// Annotations about encryption begin with this.
pub const ANNOTATIONS: &str = "org.opencontainers.image.enc.";
/// What the media type of an encrypted layer ends in.
pub const SUFFIX: &str = "+encrypted";
const KEYS_JWE: &str = "org.opencontainers.image.enc.keys.jwe";
const KEYS: &str = "org.opencontainers.image.enc.keys.";
const OPTIONS: &str = "org.opencontainers.image.enc.pubopts";

/// Who may read what is encrypted, and which layers that is.
#[derive(Clone, Debug)]
pub struct Encryption {
    recipients: Vec<PublicKey>,
    /// Counted from the base layer, from 0; from the last one, from -1; all when empty.
    layers: Vec<i64>,
}

impl Encryption {
    /// `recipients` are those of `--encryption-key`, `layers` of `--encrypt-layer`.
    pub fn of(recipients: &[String], layers: &[i64]) -> Result<Option<Self>> {
        if recipients.is_empty() {
            return match layers {
                [] => Ok(None),
                _ => bail!("--encrypt-layer can only be used with --encryption-key"),
            };
        }
        let read = |recipient: &String| {
            read_recipient(recipient)
                .with_context(|| format!("Invalid encryption keys: --encryption-key {recipient}"))
        };
        Ok(Some(Self {
            recipients: recipients.iter().map(read).collect::<Result<_>>()?,
            layers: layers.to_vec(),
        }))
    }

    /// Whether each of so many layers is to be encrypted.
    pub fn chosen(&self, count: usize) -> Result<Vec<bool>> {
        let mut chosen = vec![self.layers.is_empty(); count];
        for index in &self.layers {
            let from_the_end = if *index < 0 { count as i64 } else { 0 };
            let place = usize::try_from(index + from_the_end)
                .ok()
                .and_then(|at| chosen.get_mut(at));
            match place {
                Some(place) => *place = true,
                None => bail!(
                    "when choosing layers to encrypt, layer index {index} out of range ({count} layers exist)"
                ),
            }
        }
        Ok(chosen)
    }

    /// The annotations of a layer that was encrypted to its end; `plain` is the digest that it had before.
    pub fn annotations(&self, sealed: &Sealed, plain: &Digest) -> Result<BTreeMap<String, String>> {
        let (secret, public) = sealed.options(plain)?;
        let wrapped = jwe::seal(&self.recipients, &secret)?;
        Ok(BTreeMap::from([
            (KEYS_JWE.to_owned(), STANDARD.encode(wrapped)),
            (OPTIONS.to_owned(), STANDARD.encode(public)),
        ]))
    }
}

fn read_recipient(recipient: &str) -> Result<PublicKey> {
    let Some((protocol, value)) = recipient.split_once(':') else {
        bail!("Invalid recipient format: write PROTOCOL:KEYFILE, as jwe:/path/to/key.pem");
    };
    match protocol {
        "jwe" => {
            let bytes = fs::read(value).with_context(|| format!("Unable to read file {value}"))?;
            PublicKey::read(&bytes)
                .with_context(|| format!("File provided is not a public key: {value}"))
        }
        "pgp" | "pkcs7" | "pkcs11" | "provider" => bail!(
            "{protocol}: keys are not supported by rskopeo: use a jwe: key (an RSA or EC public key in PEM)"
        ),
        _ => bail!("Provided protocol not recognized: {protocol:?}"),
    }
}

/// The keys of who reads.
#[derive(Clone, Debug)]
pub struct Decryption {
    keys: Vec<PrivateKey>,
}

impl Decryption {
    /// `keys` are those of `--decryption-key`, each `FILE[:PASSPHRASE]`.
    pub fn of(keys: &[String]) -> Result<Option<Self>> {
        if keys.is_empty() {
            return Ok(None);
        }
        let read = |key: &String| {
            let (file, passphrase) = match key.split_once(':') {
                Some(("provider", _)) => bail!(
                    "provider: keys are not supported by rskopeo: give the file of a private key"
                ),
                Some((file, passphrase)) => (file, Some(read_passphrase(passphrase)?)),
                None => (key.as_str(), None),
            };
            let bytes = fs::read(file).with_context(|| format!("open {file}"))?;
            PrivateKey::read(&bytes, passphrase.as_deref()).with_context(|| file.to_owned())
        };
        let keys = keys.iter().map(read).collect::<Result<_>>();
        Ok(Some(Self {
            keys: keys.context("Invalid decryption keys")?,
        }))
    }

    /// What the layer is decrypted by.
    pub fn open(&self, layer: &Descriptor) -> Result<Sealed> {
        let Some(wrapped) = layer.annotations.get(KEYS_JWE) else {
            let others: Vec<&str> = layer
                .annotations
                .keys()
                .filter_map(|name| name.strip_prefix(KEYS))
                .collect();
            bail!(
                "missing private key needed for decryption: it is encrypted for {} keys, rskopeo has jwe",
                match others.is_empty() {
                    true => "no".to_owned(),
                    false => others.join(" and "),
                }
            );
        };
        let public = match layer.annotations.get(OPTIONS) {
            Some(options) => STANDARD
                .decode(options)
                .with_context(|| OPTIONS.to_owned())?,
            None => bail!("it has no annotation {OPTIONS}"),
        };
        let mut last = None;
        for text in wrapped.split(',') {
            let text = STANDARD
                .decode(text)
                .context("could not base64 decode the annotation")?;
            match jwe::open(&text, &self.keys) {
                Ok(secret) => return Sealed::read(&secret, &public),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| anyhow::anyhow!("nobody's key")))
            .context("no suitable key found for decrypting layer key")
    }
}

/// `pass=TEXT`, `file=PATH`, `fd=NUMBER`, or the passphrase itself.
fn read_passphrase(text: &str) -> Result<Vec<u8>> {
    if let Some(path) = text.strip_prefix("file=") {
        return fs::read(path).with_context(|| format!("open {path}"));
    }
    if let Some(number) = text.strip_prefix("fd=") {
        let number: u32 = number
            .parse()
            .with_context(|| format!("could not parse file descriptor {number}"))?;
        let path = format!("/proc/self/fd/{number}");
        return fs::read(Path::new(&path))
            .with_context(|| format!("could not read from file descriptor {number}"));
    }
    Ok(text
        .strip_prefix("pass=")
        .unwrap_or(text)
        .as_bytes()
        .to_vec())
}

/// Whether the layer's bytes are of use only to who has a key.
pub fn is_encrypted(layer: &Descriptor) -> bool {
    layer.media_type.ends_with(SUFFIX)
}

/// For whoever has to see what is in a layer.
pub fn refuse_encrypted(layer: &Descriptor) -> Result<()> {
    match is_encrypted(layer) {
        true => bail!(
            "layer {} is encrypted: copy the image with --decryption-key first",
            layer.digest
        ),
        false => Ok(()),
    }
}

/// What is read of others' texts; none of it may panic.
#[cfg(any(test, fuzzing))]
pub fn parse_anything(bytes: &[u8]) {
    let keys = PrivateKey::read(bytes, Some(b"x"));
    let _ = PublicKey::read(bytes);
    let _ = jwe::open(bytes, &keys.map_or_else(|_| Vec::new(), |key| vec![key]));
    let _ = Sealed::read(bytes, bytes);
}

#[cfg(test)]
mod tests;
