//! The signatures that a schema 1 manifest carries in itself (a JSON web signature, RFC 7515, spread over the document).
//!
//! They are not verified: the key that made them stands beside them. They only have to be taken out again, since a digest is of
//! the manifest as it was before they were put in. Registries still ask for one, so what is written gets one, by a key that is
//! made for it and thrown away.

use std::borrow::Cow;

use anyhow::{Context, Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    schema_version: u32,
    #[serde(default)]
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    protected: String,
}

/// Says where the signatures were put into the payload.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Protected {
    format_length: usize,
    format_tail: String,
}

/// What was signed; None if the document is not a signed one of schema 1, or contradicts itself.
pub fn payload(document: &[u8]) -> Option<Cow<'_, [u8]>> {
    // Most documents are not; this is cheaper than parsing them.
    if !document
        .windows(12)
        .any(|window| window == b"\"signatures\"")
    {
        return None;
    }
    let signed: Signed = serde_json::from_slice(document).ok()?;
    if signed.schema_version != 1 {
        return None;
    }
    let mut all = signed.signatures.iter().map(|signature| {
        let json = URL_SAFE_NO_PAD.decode(&signature.protected).ok()?;
        let protected: Protected = serde_json::from_slice(&json).ok()?;
        Some((
            protected.format_length,
            URL_SAFE_NO_PAD.decode(protected.format_tail).ok()?,
        ))
    });
    let first = all.next()??;
    if !all.all(|other| other.as_ref() == Some(&first)) {
        return None;
    }
    let (length, tail) = first;
    let payload = [document.get(..length)?, &tail].concat();
    says_the_same(document, &payload).then_some(Cow::Owned(payload))
}

/// Whether nothing but the signatures was put in: else a digest would be of one document, and another would be read.
fn says_the_same(document: &[u8], payload: &[u8]) -> bool {
    let parse = serde_json::from_slice::<serde_json::Map<String, Value>>;
    let (Ok(mut document), Ok(payload)) = (parse(document), parse(payload)) else {
        return false;
    };
    document.remove("signatures");
    document == payload
}

/// Puts a signature into a manifest, a JSON object on one line.
pub fn sign(unsigned: &str) -> Result<Vec<u8>> {
    let body = unsigned
        .strip_suffix('}')
        .context("a manifest that is no JSON object cannot be signed")?;
    let protected = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&NewProtected {
        format_length: body.len(),
        format_tail: URL_SAFE_NO_PAD.encode("}"),
        time: jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string(),
    })?);
    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
        .and_then(|document| {
            let read = EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                document.as_ref(),
                &random,
            );
            read.map_err(|_| ring::error::Unspecified)
        })
        .and_then(|key| {
            let signed = format!("{protected}.{}", URL_SAFE_NO_PAD.encode(unsigned));
            let signature = key.sign(&random, signed.as_bytes())?;
            Ok((key.public_key().as_ref().to_vec(), signature))
        });
    let (point, signature) = made.map_err(|_| anyhow!("making a signature failed"))?;
    let signature = NewSignature {
        header: Header {
            jwk: Jwk::of(&point),
            alg: "ES256",
        },
        signature: URL_SAFE_NO_PAD.encode(signature),
        protected,
    };
    let signatures = serde_json::to_string(&[signature])?;
    Ok(format!("{body},\"signatures\":{signatures}}}").into_bytes())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewProtected {
    format_length: usize,
    format_tail: String,
    time: String,
}

#[derive(Serialize)]
struct NewSignature {
    header: Header,
    signature: String,
    protected: String,
}

#[derive(Serialize)]
struct Header {
    jwk: Jwk,
    alg: &'static str,
}

/// A public key (RFC 7517).
#[derive(Serialize)]
struct Jwk {
    crv: &'static str,
    kid: String,
    kty: &'static str,
    x: String,
    y: String,
}

impl Jwk {
    /// `point` is uncompressed: 4, x, y.
    fn of(point: &[u8]) -> Self {
        let (x, y) = point[1..].split_at(32);
        Self {
            crv: "P-256",
            kid: key_id(point),
            kty: "EC",
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
        }
    }
}

/// How libtrust names a key: 240 bits of the SHA-256 of it in DER, in base32, by fours.
fn key_id(point: &[u8]) -> String {
    /// SubjectPublicKeyInfo of a P-256 key, up to the point.
    const PREFIX: [u8; 26] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let hash = ring::digest::digest(&ring::digest::SHA256, &[&PREFIX, point].concat());
    let mut groups = Vec::new();
    for forty_bits in hash.as_ref()[..30].chunks(5) {
        // Forty bits are two groups of four letters.
        let bits = forty_bits
            .iter()
            .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let letters: String = (0..8)
            .rev()
            .map(|n| char::from(ALPHABET[(bits >> (5 * n) & 31) as usize]))
            .collect();
        groups.push(letters[..4].to_owned());
        groups.push(letters[4..].to_owned());
    }
    groups.join(":")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn signed(length: usize, tail: &str) -> Vec<u8> {
        let protected =
            serde_json::json!({"formatLength": length, "formatTail": URL_SAFE_NO_PAD.encode(tail)});
        let protected = URL_SAFE_NO_PAD.encode(protected.to_string());
        format!(
            r#"{{"schemaVersion": 1, "name": "x","signatures": [{{"protected": "{protected}"}}]}}"#
        )
        .into_bytes()
    }

    #[test]
    fn the_payload_is_what_was_before() {
        let document = signed(32, "\n}");
        assert_eq!(
            &*payload(&document).unwrap(),
            b"{\"schemaVersion\": 1, \"name\": \"x\"\n}"
        );
    }

    #[test]
    fn nothing_is_smuggled_in() {
        let document = String::from_utf8(signed(32, "\n}")).unwrap();
        let more = document.replacen(",\"signatures", ",\"name\": \"y\",\"signatures", 1);
        assert!(payload(more.as_bytes()).is_none());
    }

    #[test]
    fn what_is_signed_is_got_back() {
        let unsigned = r#"{"name":"x","schemaVersion":1}"#;
        let signed = sign(unsigned).unwrap();
        assert_eq!(&*payload(&signed).unwrap(), unsigned.as_bytes());
        let id = key_id(&[4; 65]);
        assert_eq!((id.len(), id.split(':').count()), (59, 12));
    }

    #[test]
    fn others_have_none() {
        assert!(payload(br#"{"schemaVersion":2,"signatures":[]}"#).is_none());
        assert!(payload(&signed(99_999, "}")).is_none());
        assert!(payload(b"{}").is_none());
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,80}", length in any::<usize>()) {
            payload(format!(r#"{{"schemaVersion":1,"signatures":[{{"protected":"{text}"}}]}}"#).as_bytes());
            payload(&signed(length, &text));
        }
    }
}
