//! Signatures of cosign's kind: a payload, a raw signature of it, and who vouches for the key.
//!
//! ```text
//! private_key   ECDSA keys and their encrypted files
//! public_key    keys that verify
//! certificate   keys that a certificate authority vouches for
//! rekor         what a transparency log promised to have recorded
//! pem           the text form of all of them
//! ```

mod certificate;
mod private_key;
mod public_key;
mod rekor;

use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Claims, Kind, Signature};
use crate::config::SigstoreSigned;

use certificate::Expected;
use public_key::PublicKey;

pub use private_key::{KeyPair, PrivateKey};

const MIME_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const BUNDLE: &str = "dev.sigstore.cosign/bundle";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";

/// Signs the claims.
pub fn sign(key: &PrivateKey, claims: &Claims) -> Result<Signature> {
    let payload = claims.to_json(Kind::Sigstore)?.into_bytes();
    let signature = STANDARD.encode(key.sign(&payload)?);
    Ok(Signature::Sigstore {
        mime_type: MIME_TYPE.to_owned(),
        payload,
        annotations: [(SIGNATURE.to_owned(), signature)].into(),
    })
}

/// The claims of a signature, if it is one that the policy asks for.
///
/// # Errors
/// It is not, or the policy's own keys cannot be read.
pub fn verify(asked: &SigstoreSigned, signature: &Signature) -> Result<Claims> {
    let Signature::Sigstore {
        payload,
        annotations,
        ..
    } = signature
    else {
        bail!("an OpenPGP signature is no sigstore signature");
    };
    let annotation = |name: &str| {
        let value = annotations.get(name).map(String::as_str);
        value.with_context(|| format!("missing {name} annotation"))
    };
    let encoded = annotation(SIGNATURE)?;
    let raw = decode(encoded).context("base64 decoding of the signature")?;
    let logs = public_key::parse_all(&asked.rekor_keys()?).context("parsing a Rekor public key")?;
    let recorded = rekor::Subject {
        payload,
        signature: &raw,
    };
    let keys: Vec<PublicKey> = if let Some(fulcio) = &asked.fulcio {
        let certificate = annotation(CERTIFICATE)?;
        let time = rekor::verify(
            &logs,
            annotation(BUNDLE)?,
            &recorded,
            certificate.as_bytes(),
        )?;
        let expected = Expected {
            email: Some(&fulcio.subject_email),
            issuer: Some(&fulcio.oidc_issuer),
            host: None,
        };
        let chain = annotations.get(CHAIN).map(String::as_str);
        let authorities = fulcio.authorities()?;
        vec![certificate::verify(
            certificate,
            chain,
            &authorities,
            &[],
            time,
            &expected,
        )?]
    } else if let Some(pki) = &asked.pki {
        let expected = Expected {
            email: pki.subject_email.as_deref(),
            issuer: None,
            host: pki.subject_hostname.as_deref(),
        };
        let chain = annotations.get(CHAIN).map(String::as_str);
        let (roots, between) = (pki.roots()?, pki.intermediates()?);
        let certificate = annotation(CERTIFICATE)?;
        vec![certificate::verify(
            certificate,
            chain,
            &roots,
            &between,
            SystemTime::now(),
            &expected,
        )?]
    } else {
        let keys = public_key::parse_all(&asked.keys()?).context("parsing public key")?;
        match logs.is_empty() {
            true => keys,
            false => vec![recorded_key(keys, &logs, annotation(BUNDLE)?, &recorded)?],
        }
    };
    if !keys.iter().any(|key| key.verifies(payload, &raw)) {
        bail!("cryptographic signature verification failed: not made by a trusted key");
    }
    Claims::from_json(Kind::Sigstore, payload)
}

/// Reads bytes as everything that comes with a signature.
#[cfg(any(test, fuzzing))]
pub fn parse_anything(bytes: &[u8]) {
    let subject = rekor::Subject {
        payload: bytes,
        signature: bytes,
    };
    let _ = rekor::verify(&[], &String::from_utf8_lossy(bytes), &subject, bytes);
    let _ = public_key::parse_all(&[bytes.to_vec()]).map(|keys| keys.len());
    let expected = Expected {
        email: Some("a@b"),
        issuer: Some("c"),
        host: None,
    };
    let text = String::from_utf8_lossy(bytes);
    let _ = certificate::verify(
        &text,
        Some(&text),
        bytes,
        bytes,
        SystemTime::now(),
        &expected,
    );
    let _ = PublicKey::from_der(bytes.to_vec()).map(|key| key.verifies(bytes, bytes));
}

/// Base64 that may be broken into lines, as Go reads it.
fn decode(text: &str) -> Result<Vec<u8>> {
    Ok(STANDARD.decode(text.replace(['\r', '\n'], ""))?)
}

/// The one key that a log recorded this signature for.
fn recorded_key(
    keys: Vec<PublicKey>,
    logs: &[PublicKey],
    bundle: &str,
    recorded: &rekor::Subject<'_>,
) -> Result<PublicKey> {
    let mut reasons = Vec::new();
    for key in keys {
        match rekor::verify(logs, bundle, recorded, key.to_pem().as_bytes()) {
            Ok(_) => return Ok(key),
            Err(reason) => reasons.push(format!("{reason:#}")),
        }
    }
    bail!(
        "No public key verified against the RekorSET: {}",
        reasons.join(", ")
    )
}
