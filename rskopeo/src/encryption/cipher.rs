//! A layer's bytes under its own key: AES-256 in counter mode, and an HMAC-SHA256 of what comes out of it by the same key.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use aes::Aes256;
use anyhow::{Context as _, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::go_json::null_as_default;

const CIPHER: &str = "AES_256_CTR_HMAC_SHA256";

type Stream = Ctr128BE<Aes256>;

/// What a layer is encrypted by. Copies share the HMAC, which is known when all was read.
#[derive(Clone)]
pub struct Sealed {
    key: [u8; 32],
    nonce: [u8; 16],
    hmac: Arc<Mutex<Option<Vec<u8>>>>,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealed")
    }
}

/// What only the recipients get to see.
#[derive(Serialize, Deserialize)]
struct Secret {
    symkey: String,
    #[serde(default)]
    digest: String,
    #[serde(default, deserialize_with = "null_as_default")]
    cipheroptions: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct Public {
    #[serde(default)]
    cipher: String,
    #[serde(default)]
    hmac: String,
    #[serde(default, deserialize_with = "null_as_default")]
    cipheroptions: BTreeMap<String, String>,
}

impl Sealed {
    /// A new key.
    pub fn new() -> Result<Self> {
        let (mut key, mut nonce) = ([0; 32], [0; 16]);
        let random = SystemRandom::new();
        random
            .fill(&mut key)
            .and_then(|()| random.fill(&mut nonce))
            .map_err(|_| anyhow!("the system gives no random numbers"))?;
        Ok(Self {
            key,
            nonce,
            hmac: Arc::default(),
        })
    }

    pub(super) fn read(secret: &[u8], public: &[u8]) -> Result<Self> {
        let secret: Secret =
            serde_json::from_slice(secret).context("could not JSON unmarshal privOptsData")?;
        let public: Public =
            serde_json::from_slice(public).context("could not JSON unmarshal pubOptsData")?;
        if public.cipher != CIPHER {
            bail!("unsupported cipher type: {:?}", public.cipher);
        }
        let nonce = public.cipheroptions.get("nonce");
        let nonce = nonce.or_else(|| secret.cipheroptions.get("nonce"));
        let hmac = STANDARD.decode(&public.hmac).context("its HMAC")?;
        if hmac.is_empty() {
            bail!("HMAC is not provided for decryption process");
        }
        Ok(Self {
            key: fixed(&secret.symkey).context("its symmetric key")?,
            nonce: fixed(nonce.context("it has no nonce")?).context("its nonce")?,
            hmac: Arc::new(Mutex::new(Some(hmac))),
        })
    }

    /// Secret and public options as JSON, once all was encrypted.
    pub(super) fn options(&self, plain: &Digest) -> Result<(Vec<u8>, Vec<u8>)> {
        let hmac = self.hmac.lock().unwrap_or_else(PoisonError::into_inner);
        let hmac = hmac.as_ref().context("the layer was not read to its end")?;
        let secret = Secret {
            symkey: STANDARD.encode(self.key),
            digest: plain.to_string(),
            cipheroptions: BTreeMap::from([("nonce".to_owned(), STANDARD.encode(self.nonce))]),
        };
        let public = Public {
            cipher: CIPHER.to_owned(),
            hmac: STANDARD.encode(hmac),
            cipheroptions: BTreeMap::new(),
        };
        Ok((serde_json::to_vec(&secret)?, serde_json::to_vec(&public)?))
    }

    fn stream(&self) -> Stream {
        Stream::new(&self.key.into(), &self.nonce.into())
    }

    fn context(&self) -> hmac::Context {
        hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.key))
    }
}

fn fixed<const N: usize>(text: &str) -> Result<[u8; N]> {
    let bytes = STANDARD.decode(text)?;
    let length = bytes.len();
    bytes
        .try_into()
        .map_err(|_| anyhow!("invalid length of {length} bytes; need {N} bytes"))
}

/// Encrypts what it reads.
pub struct Encrypting<R> {
    inner: R,
    sealed: Sealed,
    stream: Stream,
    hmac: Option<hmac::Context>,
}

impl<R: Read> Encrypting<R> {
    pub fn new(inner: R, sealed: &Sealed) -> Self {
        Self {
            inner,
            stream: sealed.stream(),
            hmac: Some(sealed.context()),
            sealed: sealed.clone(),
        }
    }
}

impl<R: Read> Read for Encrypting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let n = self.inner.read(buffer)?;
        self.stream.apply_keystream(&mut buffer[..n]);
        match &mut self.hmac {
            Some(hmac) if n > 0 => hmac.update(&buffer[..n]),
            // At the end, and once.
            hmac => {
                if let Some(hmac) = hmac.take() {
                    let tag = hmac.sign().as_ref().to_vec();
                    *self
                        .sealed
                        .hmac
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner) = Some(tag);
                }
            }
        }
        Ok(n)
    }
}

/// Decrypts what it reads. The end is an error unless what was read is what was written with the key, so nothing of it may be
/// given a name before.
pub struct Decrypting<R> {
    inner: R,
    sealed: Sealed,
    stream: Stream,
    hmac: Option<hmac::Context>,
}

impl<R: Read> Decrypting<R> {
    pub fn new(inner: R, sealed: Sealed) -> Self {
        Self {
            inner,
            stream: sealed.stream(),
            hmac: Some(sealed.context()),
            sealed,
        }
    }

    fn check(&self, hmac: hmac::Context) -> io::Result<()> {
        let expected = self
            .sealed
            .hmac
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let tag = hmac.sign();
        let same = expected.as_ref().is_some_and(|expected| {
            expected.len() == tag.as_ref().len()
                && expected
                    .iter()
                    .zip(tag.as_ref())
                    .fold(0, |sum, (a, b)| sum | (a ^ b))
                    == 0
        });
        match same {
            true => Ok(()),
            false => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "could not properly decrypt byte stream: its HMAC is not that of its annotations",
            )),
        }
    }
}

impl<R: Read> Read for Decrypting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let n = self.inner.read(buffer)?;
        if n == 0 {
            if let Some(hmac) = self.hmac.take() {
                self.check(hmac)?;
            }
            return Ok(0);
        }
        if let Some(hmac) = &mut self.hmac {
            hmac.update(&buffer[..n]);
        }
        self.stream.apply_keystream(&mut buffer[..n]);
        Ok(n)
    }
}
