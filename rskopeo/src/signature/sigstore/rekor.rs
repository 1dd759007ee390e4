//! Rekor's promise to have recorded a signature (a "signed entry timestamp"), checked without asking the log.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::public_key::PublicKey;
use crate::digest::Digest;
use crate::pem;

/// What has to be recorded.
#[derive(Debug)]
pub struct Subject<'a> {
    pub payload: &'a [u8],
    pub signature: &'a [u8],
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Bundle {
    signed_entry_timestamp: String,
    payload: Payload,
}

/// Its fields are in the order of their names: serialized, it is the canonical form (RFC 8785) that the log signed.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    body: String,
    #[serde(rename = "integratedTime")]
    integrated_time: i64,
    #[serde(rename = "logID")]
    log_id: String,
    #[serde(rename = "logIndex")]
    log_index: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    kind: String,
    api_version: String,
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    data: Data,
    signature: Recorded,
}

#[derive(Deserialize)]
struct Data {
    hash: Hash,
}

#[derive(Deserialize)]
struct Hash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    content: String,
    public_key: Content,
}

#[derive(Deserialize)]
struct Content {
    content: String,
}

/// Checks that one of `logs` recorded `subject` with `key`, the PEM text of a public key or a certificate. Tells when it did.
pub fn verify(
    logs: &[PublicKey],
    bundle: &str,
    subject: &Subject<'_>,
    key: &[u8],
) -> Result<SystemTime> {
    let Bundle {
        signed_entry_timestamp,
        payload,
    } = serde_json::from_str(bundle).context("parsing the Rekor SET")?;
    let signed = serde_json::to_vec(&payload)?;
    let decode = |text: &str| super::decode(text).context("decoding base64 of the Rekor SET");
    let signature = decode(&signed_entry_timestamp)?;
    if !logs.iter().any(|log| log.verifies(&signed, &signature)) {
        bail!("cryptographic signature verification of Rekor SET failed");
    }
    let entry: Entry = serde_json::from_slice(&decode(&payload.body)?)
        .context("decoding the body of a Rekor SET payload")?;
    if (entry.kind.as_str(), entry.api_version.as_str()) != ("hashedrekord", "0.0.1") {
        bail!(
            "unsupported Rekor entry {} {}",
            entry.kind,
            entry.api_version
        );
    }
    let Spec { data, signature } = entry.spec;
    let recorded_key =
        pem::single(&decode(&signature.public_key.content)?).context("publicKey in Rekor SET")?;
    if recorded_key.bytes != pem::single(key)?.bytes {
        bail!("publicKey in Rekor SET does not match");
    }
    if decode(&signature.content)? != subject.signature {
        bail!("signature in Rekor SET does not match");
    }
    if data.hash.algorithm != "sha256" {
        bail!(
            "Unexpected \"data.hash.algorithm\" value {:?}",
            data.hash.algorithm
        );
    }
    if data.hash.value.to_ascii_lowercase() != Digest::sha256(subject.payload).hex() {
        bail!("payload in Rekor SET does not match");
    }
    let seconds = u64::try_from(payload.integrated_time).context("Rekor SET is before 1970")?;
    Ok(UNIX_EPOCH + Duration::from_secs(seconds))
}
