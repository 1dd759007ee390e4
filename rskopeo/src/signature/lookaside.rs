//! Signatures in files beside a registry: `BASE/REPOSITORY@sha256=HEX/signature-N`, on this host or on a web server
//! (containers-registries.d(5)).

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::blob::{
    MAX_SIGNATURE, MAX_SIGNATURES, Signature, read_numbered, remove_numbered, write_numbered,
};
use crate::digest::Digest;
use crate::registry::{Client, Method, refused};

/// Where the signatures of one repository lie.
#[derive(Clone, Debug)]
pub struct Lookaside(String);

impl Lookaside {
    /// `url` ends in the repository's path.
    pub fn at(url: String) -> Self {
        Self(url)
    }

    pub fn read(&self, client: &Client, manifest: &Digest) -> Result<Vec<Signature>> {
        let url = |number| self.signature(manifest, number);
        if url(1).starts_with("file://") {
            return read_numbered(|number| file(&url(number)));
        }
        if !url(1).starts_with("http://") && !url(1).starts_with("https://") {
            bail!("Unsupported scheme when reading signature from {}", url(1));
        }
        let mut all = Vec::new();
        for number in 1..=MAX_SIGNATURES {
            match download(client, &url(number))? {
                Some(signature) => all.push(signature),
                None => break,
            }
        }
        Ok(all)
    }

    /// Replaces what was there.
    pub fn write(&self, manifest: &Digest, signatures: &[&Signature]) -> Result<()> {
        let url = |number| self.signature(manifest, number);
        if !self.0.starts_with("file://") {
            bail!(
                "Writing directly to {} is not supported. Configure a lookaside-staging: location of the form file://…",
                url(1)
            );
        }
        write_numbered(signatures, |number| file(&url(number)))?;
        remove_numbered(signatures.len() + 1, |number| file(&url(number)))
    }

    fn signature(&self, manifest: &Digest, number: usize) -> String {
        let (algorithm, hex) = (manifest.algorithm(), manifest.hex());
        format!("{}@{algorithm}={hex}/signature-{number}", self.0)
    }
}

fn file(url: &str) -> PathBuf {
    url.strip_prefix("file://").unwrap_or(url).into()
}

/// None where there is none.
fn download(client: &Client, url: &str) -> Result<Option<Signature>> {
    let response = client.send(&Method::GET, url, &[])?;
    match response.status().as_u16() {
        200 => {}
        404 => return Ok(None),
        _ => return Err(refused(&format!("reading signature from {url}"), response)),
    }
    let body = response.into_body().into_with_config().limit(MAX_SIGNATURE);
    let blob = body
        .read_to_vec()
        .with_context(|| format!("reading signature from {url}"))?;
    let parsed = Signature::from_blob(blob);
    parsed
        .map(Some)
        .with_context(|| format!("parsing signature {url}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fewer_signatures_replace_more() {
        let directory = tempfile::tempdir().unwrap();
        let lookaside = Lookaside::at(format!("file://{}/a/b", directory.path().display()));
        let digest = Digest::sha256(b"x");
        let (one, two) = (
            Signature::Simple(vec![0xA3, 1]),
            Signature::Simple(vec![0xA3, 2]),
        );
        lookaside.write(&digest, &[&one, &two]).unwrap();
        lookaside.write(&digest, &[&two]).unwrap();
        let place = directory
            .path()
            .join(format!("a/b@sha256={}", digest.hex()));
        let read = read_numbered(|number| place.join(format!("signature-{number}"))).unwrap();
        assert_eq!(read, [two]);
        let web = Lookaside::at("https://x/a".to_owned()).write(&digest, &[]);
        assert!(web.unwrap_err().to_string().contains("lookaside-staging"));
    }
}
