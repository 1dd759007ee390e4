//! A secret for several recipients (JSON web encryption, RFC 7516), in the JSON form that go-jose writes: flattened for one of
//! them, general for more.

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha1::Sha1;
use sha2::Sha256;

use super::curve;
use super::jwk::Jwk;
use super::keys::{PrivateKey, PublicKey};

const TAG: usize = 16;

#[derive(Default, Serialize, Deserialize)]
struct Message {
    #[serde(default)]
    protected: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unprotected: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    header: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    encrypted_key: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recipients: Vec<Recipient>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aad: Option<String>,
    iv: String,
    ciphertext: String,
    tag: String,
}

#[derive(Serialize, Deserialize)]
struct Recipient {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    header: Option<Map<String, Value>>,
    #[serde(default)]
    encrypted_key: String,
}

/// What is told of one recipient's key, wherever in the message.
#[derive(Deserialize)]
struct Header {
    alg: String,
    enc: String,
    epk: Option<Jwk>,
    #[serde(default)]
    apu: String,
    #[serde(default)]
    apv: String,
}

pub(super) fn seal(recipients: &[PublicKey], secret: &[u8]) -> Result<Vec<u8>> {
    let (mut key, mut iv) = ([0; 32], [0; 12]);
    let random = SystemRandom::new();
    random
        .fill(&mut key)
        .and_then(|()| random.fill(&mut iv))
        .map_err(|_| anyhow!("the system gives no random numbers"))?;
    let mut wrapped = Vec::new();
    for recipient in recipients {
        wrapped.push(wrap(recipient, &key)?);
    }
    let mut protected = Map::from_iter([("enc".to_owned(), "A256GCM".into())]);
    let mut message = Message::default();
    if let [one] = &mut wrapped[..] {
        protected.append(&mut one.header.take().unwrap_or_default());
        message.encrypted_key = std::mem::take(&mut one.encrypted_key);
    } else {
        message.recipients = wrapped;
    }
    message.protected = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&protected)?);
    let by = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| anyhow!("a wrong key"))?;
    let mut sealed = secret.to_vec();
    let tag = LessSafeKey::new(by)
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(iv),
            Aad::from(message.protected.as_bytes()),
            &mut sealed,
        )
        .map_err(|_| anyhow!("encrypting the layer's key failed"))?;
    message.iv = URL_SAFE_NO_PAD.encode(iv);
    message.ciphertext = URL_SAFE_NO_PAD.encode(sealed);
    message.tag = URL_SAFE_NO_PAD.encode(tag);
    Ok(serde_json::to_vec(&message)?)
}

fn wrap(recipient: &PublicKey, key: &[u8]) -> Result<Recipient> {
    let mut header = Map::new();
    let wrapped = match recipient {
        PublicKey::Rsa(public) => {
            header.insert("alg".to_owned(), "RSA-OAEP".into());
            public
                .oaep_encrypt::<Sha1>(key)
                .map_err(|error| anyhow!("encrypting for an RSA key: {error}"))?
        }
        PublicKey::P256(_) | PublicKey::P384(_) => {
            let algorithm = "ECDH-ES+A256KW";
            let (ephemeral, wrapped) = curve::wrap(recipient, algorithm, key)?;
            header.insert("alg".to_owned(), algorithm.into());
            header.insert("epk".to_owned(), serde_json::to_value(ephemeral)?);
            wrapped
        }
    };
    Ok(Recipient {
        header: Some(header),
        encrypted_key: URL_SAFE_NO_PAD.encode(wrapped),
    })
}

/// The secret, by the first of the keys that opens it.
pub(super) fn open(message: &[u8], keys: &[PrivateKey]) -> Result<Vec<u8>> {
    let mut message: Message = serde_json::from_slice(message).context("parsing JWE")?;
    let mut recipients = std::mem::take(&mut message.recipients);
    if recipients.is_empty() {
        recipients.push(Recipient {
            header: message.header.take(),
            encrypted_key: std::mem::take(&mut message.encrypted_key),
        });
    }
    let protected: Map<String, Value> =
        serde_json::from_slice(&decode(&message.protected)?).context("parsing JWE's header")?;
    let mut last = anyhow!("JWE: nobody can read it");
    for recipient in recipients {
        let mut told = message.unprotected.clone().unwrap_or_default();
        told.extend(recipient.header.unwrap_or_default());
        // What is protected cannot be told otherwise.
        told.extend(protected.clone());
        if told.contains_key("zip") || told.contains_key("crit") {
            bail!("JWE: compression and critical headers are not supported");
        }
        let header: Header =
            serde_json::from_value(Value::Object(told)).context("parsing JWE's header")?;
        let wrapped = decode(&recipient.encrypted_key)?;
        for key in keys {
            let opened = unwrap(key, &header, &wrapped)
                .and_then(|key| open_content(&message, &header.enc, &key));
            match opened {
                Ok(secret) => return Ok(secret),
                Err(error) => last = error,
            }
        }
    }
    Err(last.context("JWE: No suitable private key found for decryption"))
}

fn unwrap(key: &PrivateKey, header: &Header, wrapped: &[u8]) -> Result<Vec<u8>> {
    let wrong = |_| anyhow!("it is encrypted for another key");
    match (header.alg.as_str(), key) {
        ("RSA-OAEP", PrivateKey::Rsa(key)) => key.oaep_decrypt::<Sha1>(wrapped).map_err(wrong),
        ("RSA-OAEP-256", PrivateKey::Rsa(key)) => {
            key.oaep_decrypt::<Sha256>(wrapped).map_err(wrong)
        }
        (algorithm, PrivateKey::P256(_) | PrivateKey::P384(_)) => {
            let ephemeral = header.epk.as_ref().context("it is for a key of RSA")?;
            let (from, to) = (decode(&header.apu)?, decode(&header.apv)?);
            curve::unwrap(key, algorithm, ephemeral, (&from, &to), wrapped)
        }
        (algorithm, PrivateKey::Rsa(_)) => {
            bail!("it is encrypted by {algorithm}, not for an RSA key")
        }
    }
}

fn open_content(message: &Message, cipher: &str, key: &[u8]) -> Result<Vec<u8>> {
    let algorithm = match cipher {
        "A128GCM" => &AES_128_GCM,
        "A256GCM" => &AES_256_GCM,
        _ => bail!("its content is encrypted by {cipher:?}: A128GCM and A256GCM are supported"),
    };
    let by = UnboundKey::new(algorithm, key).map_err(|_| anyhow!("a key of a wrong length"))?;
    let iv = Nonce::try_assume_unique_for_key(&decode(&message.iv)?)
        .map_err(|_| anyhow!("an IV of a wrong length"))?;
    let aad = match &message.aad {
        Some(aad) => format!("{}.{aad}", message.protected),
        None => message.protected.clone(),
    };
    let mut sealed = decode(&message.ciphertext)?;
    let tag = decode(&message.tag)?;
    if tag.len() != TAG {
        bail!("a tag of a wrong length");
    }
    sealed.extend(tag);
    LessSafeKey::new(by)
        .open_in_place(iv, Aad::from(aad.as_bytes()), &mut sealed)
        .map(|plain| plain.to_vec())
        .map_err(|_| anyhow!("it was changed, or encrypted for another key"))
}

fn decode(text: &str) -> Result<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).context("JWE: not base64url")
}
