//! The signatures that a schema 1 manifest carries in itself (a JSON web signature, RFC 7515, spread over the document).
//!
//! They are not verified: the key that made them stands beside them. They only have to be taken out again, since a digest is of
//! the manifest as it was before they were put in.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
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
