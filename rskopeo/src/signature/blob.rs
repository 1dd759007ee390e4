//! The two kinds of signature, and how one is kept in a file (containers-signature(5)).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::go_json::{self, null_as_default};

/// Larger ones are refused, in bytes.
pub const MAX_SIGNATURE: u64 = 4 << 20;
/// More of them for one image are not read.
pub const MAX_SIGNATURES: usize = 128;

/// Nothing of it is to be trusted before it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// An OpenPGP message.
    Simple(Vec<u8>),
    Sigstore {
        mime_type: String,
        payload: Vec<u8>,
        annotations: BTreeMap<String, String>,
    },
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    mime_type: String,
    /// Base64.
    payload: String,
    #[serde(default, deserialize_with = "null_as_default")]
    annotations: BTreeMap<String, String>,
}

impl Signature {
    /// The bytes that a file holds: OpenPGP as it is, others after a NUL byte and a line that names the format.
    pub fn to_blob(&self) -> Result<Vec<u8>> {
        match self {
            Self::Simple(bytes) => Ok(bytes.clone()),
            Self::Sigstore {
                mime_type,
                payload,
                annotations,
            } => {
                let stored = Stored {
                    mime_type: mime_type.clone(),
                    payload: STANDARD.encode(payload),
                    annotations: annotations.clone(),
                };
                Ok(format!("\0sigstore-json\n{}", go_json::compact(&stored)?).into_bytes())
            }
        }
    }

    pub fn from_blob(blob: Vec<u8>) -> Result<Self> {
        let Some(first) = blob.first() else {
            bail!("empty signature blob");
        };
        if *first != 0 {
            return match is_openpgp(*first) {
                true => Ok(Self::Simple(blob)),
                false => bail!("unrecognized signature format, starting with binary {first:#x}"),
            };
        }
        let Some(newline) = blob.iter().position(|byte| *byte == b'\n') else {
            bail!("invalid signature format, missing newline");
        };
        let (format, rest) = (&blob[1..newline], &blob[newline + 1..]);
        match format {
            b"simple-signing" => Ok(Self::Simple(rest.to_vec())),
            b"sigstore-json" => {
                let stored: Stored =
                    serde_json::from_slice(rest).context("parsing a sigstore signature")?;
                Ok(Self::Sigstore {
                    mime_type: stored.mime_type,
                    payload: STANDARD
                        .decode(stored.payload)
                        .context("parsing a sigstore signature")?,
                    annotations: stored.annotations,
                })
            }
            other => bail!(
                "unrecognized signature format {:?}",
                String::from_utf8_lossy(other)
            ),
        }
    }
}

/// Whether an OpenPGP message begins so: compressed data, a one-pass signature, or a signature (RFC 4880 section 4.2).
fn is_openpgp(first: u8) -> bool {
    let tag = match first {
        0xC0.. => first & 0x3F,
        0x80.. => (first & 0x3F) >> 2,
        _ => return false,
    };
    [2, 4, 8].contains(&tag)
}

/// Reads the files `path(1)`, `path(2)` and so on, to the first that is not there.
pub fn read_numbered(path: impl Fn(usize) -> PathBuf) -> Result<Vec<Signature>> {
    let mut all = Vec::new();
    for number in 1..=MAX_SIGNATURES {
        let path = path(number);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error).with_context(|| format!("open {}", path.display())),
        };
        let mut blob = Vec::new();
        file.take(MAX_SIGNATURE + 1)
            .read_to_end(&mut blob)
            .with_context(|| format!("reading {}", path.display()))?;
        if blob.len() as u64 > MAX_SIGNATURE {
            bail!(
                "signature {} is larger than {MAX_SIGNATURE} bytes",
                path.display()
            );
        }
        let parsed = Signature::from_blob(blob);
        all.push(parsed.with_context(|| format!("parsing signature {:?}", path.display()))?);
    }
    Ok(all)
}

/// Writes the files `path(1)` and so on; their directory is made.
pub fn write_numbered(signatures: &[&Signature], path: impl Fn(usize) -> PathBuf) -> Result<()> {
    for (index, signature) in signatures.iter().enumerate() {
        let path = path(index + 1);
        let directory = atomic::directory_of(&path);
        fs::create_dir_all(directory)
            .with_context(|| format!("creating {}", directory.display()))?;
        atomic::write(&path, &signature.to_blob()?)?;
    }
    Ok(())
}

/// Removes the files `path(first)` and so on, to the first that is not there.
pub fn remove_numbered(first: usize, path: impl Fn(usize) -> PathBuf) -> Result<()> {
    for number in first.. {
        let path: &Path = &path(number);
        match fs::remove_file(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => {
                return Err(error).with_context(|| format!("removing {}", path.display()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn blobs_there_and_back() {
        let sigstore = Signature::Sigstore {
            mime_type: "m".to_owned(),
            payload: b"{}".to_vec(),
            annotations: [("a".to_owned(), "<b>".to_owned())].into(),
        };
        for signature in [sigstore, Signature::Simple(vec![0xA3, 1])] {
            let blob = signature.to_blob().unwrap();
            assert_eq!(Signature::from_blob(blob).unwrap(), signature);
        }
    }

    #[test]
    fn other_formats_are_refused() {
        for blob in [
            &b""[..],
            b"hello",
            b"\0",
            b"\0x\n",
            b"\0sigstore-json\nx",
            b"<html>",
        ] {
            assert!(Signature::from_blob(blob.to_vec()).is_err(), "{blob:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(blob in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Signature::from_blob(blob.clone());
            let _ = Signature::from_blob([&b"\0sigstore-json\n"[..], &blob].concat());
        }
    }
}
