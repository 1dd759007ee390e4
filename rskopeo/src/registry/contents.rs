//! Small things in a repository: manifests by their name, and blobs that fit into memory.

use std::io::Read;

use anyhow::{Context, Result, bail};
use ureq::Body;
use ureq::http::Response;

use super::{Client, Method, refused};
use crate::bounds;
use crate::digest::Digest;
use crate::manifest::Descriptor;
use crate::transport::BlobStream;

/// The body of an answer that is a manifest or the like.
pub fn document(response: Response<Body>) -> Result<Vec<u8>> {
    let body = response.into_body().into_with_config();
    match body.limit(bounds::max_manifest()).read_to_vec() {
        Err(ureq::Error::BodyExceedsLimit(_)) => Err(bounds::too_large("it")),
        read => Ok(read?),
    }
}

impl Client {
    /// A manifest by tag or digest with the media type that the registry tells; None if there is none.
    pub fn manifest(&self, name: &str, accept: &str) -> Result<Option<(Option<String>, Vec<u8>)>> {
        let what = || format!("reading manifest {name} in {}", self.repository());
        let url = self.url(&format!("manifests/{name}"));
        let response = self.send(&Method::GET, &url, &[("Accept", accept)])?;
        match response.status().as_u16() {
            200 => {}
            404 => return Ok(None),
            _ => return Err(refused(&what(), response)),
        }
        let told = response.headers().get("Content-Type");
        let told = told
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok(Some((told, document(response).with_context(what)?)))
    }

    /// A blob of at most `limit` bytes, checked against its digest.
    pub fn small_blob(&self, blob: &Descriptor, limit: u64) -> Result<Vec<u8>> {
        let what = || format!("fetching blob {} of {}", blob.digest, self.repository());
        if blob.size > limit {
            bail!("{}: it is larger than {limit} bytes", what());
        }
        let url = self.url(&format!("blobs/{}", blob.digest));
        let response = self.send(&Method::GET, &url, &[])?;
        if response.status() != 200 {
            return Err(refused(&what(), response));
        }
        let mut bytes = Vec::new();
        BlobStream::verified(Box::new(response.into_body().into_reader()), blob)
            .read_to_end(&mut bytes)
            .with_context(what)?;
        Ok(bytes)
    }

    /// Uploads bytes in one go, unless they are there.
    pub fn put_small_blob(&self, digest: &Digest, bytes: &[u8]) -> Result<()> {
        let there = self.send(&Method::HEAD, &self.url(&format!("blobs/{digest}")), &[])?;
        if there.status() == 200 {
            return Ok(());
        }
        let what = || format!("uploading blob {digest} to {}", self.repository());
        let octets = "application/octet-stream";
        let begun = self.send_bytes(&Method::POST, &self.url("blobs/uploads/"), octets, &[])?;
        if begun.status() != 202 {
            return Err(refused(&what(), begun));
        }
        let location = begun.headers().get("Location");
        let location = location
            .and_then(|value| value.to_str().ok())
            .with_context(what)?;
        let separator = if location.contains('?') { '&' } else { '?' };
        let url = format!("{location}{separator}digest={digest}");
        let done = self.send_bytes(&Method::PUT, &url, octets, bytes)?;
        match done.status().as_u16() {
            201 => Ok(()),
            _ => Err(refused(&what(), done)),
        }
    }

    /// Lets the registry take a blob from another of its repositories; false if it would not.
    pub fn mount(&self, digest: &Digest, from: &str) -> Result<bool> {
        let url = self.url(&format!("blobs/uploads/?mount={digest}&from={from}"));
        let scope = format!("repository:{from}:pull");
        let octets = "application/octet-stream";
        let response = self.send_bytes_for(&Method::POST, &url, octets, &[], &scope)?;
        match response.status().as_u16() {
            201 => Ok(true),
            // An upload was begun instead, which nobody will go on with.
            202 => {
                let location = response.headers().get("Location");
                if let Some(location) = location.and_then(|value| value.to_str().ok()) {
                    // The registry forgets it by itself, if need be.
                    self.send(&Method::DELETE, location, &[]).ok();
                }
                Ok(false)
            }
            // Such as 403 for a repository that these credentials may not read.
            _ => Ok(false),
        }
    }

    pub fn put_manifest(&self, name: &str, media_type: &str, bytes: &[u8]) -> Result<()> {
        let url = self.url(&format!("manifests/{name}"));
        let response = self.send_bytes(&Method::PUT, &url, media_type, bytes)?;
        match response.status().is_success() {
            true => Ok(()),
            false => Err(refused(
                &format!("uploading manifest {name} to {}", self.repository()),
                response,
            )),
        }
    }
}
