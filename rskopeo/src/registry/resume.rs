//! A blob whose download is taken up again where the connection broke.

use std::io::{self, Read};
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, bail};
use ureq::Body;
use ureq::http::Response;

use super::{Client, Method, refused, retry};
use crate::digest::Digest;

/// So often in a row a connection may break before anything came through it.
const TRIES: u32 = 5;

/// The bytes of a blob from some offset on. They are not trusted: the caller checks the digest of the whole.
pub struct Download {
    client: Arc<Client>,
    digest: Digest,
    body: Box<dyn Read + Send>,
    /// Where the next byte belongs.
    at: u64,
    /// Breaks since the last byte.
    breaks: u32,
}

impl Download {
    /// # Errors
    /// The registry does not have the blob, or does not begin at `at`.
    pub fn begin(client: &Arc<Client>, digest: &Digest, at: u64) -> Result<Self> {
        Ok(Self {
            body: open(client, digest, at)?,
            client: Arc::clone(client),
            digest: digest.clone(),
            at,
            breaks: 0,
        })
    }

    /// # Errors
    /// The error that broke the connection, when it does not look as if another one would hold.
    fn take_up(&mut self, broken: io::Error) -> io::Result<()> {
        let broken = anyhow::Error::from(broken);
        if self.breaks >= TRIES || !retry::is_transient(&broken) {
            return Err(self.told(&broken));
        }
        thread::sleep(retry::before_resuming(self.breaks));
        self.breaks += 1;
        self.body = open(&self.client, &self.digest, self.at).map_err(|error| self.told(&error))?;
        Ok(())
    }

    fn told(&self, error: &anyhow::Error) -> io::Error {
        let (digest, repository, at) = (&self.digest, self.client.repository(), self.at);
        io::Error::other(format!(
            "fetching blob {digest} of {repository}, after {at} bytes: {error:#}"
        ))
    }
}

impl Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.body.read(buffer) {
                Ok(n) => {
                    self.at += n as u64;
                    if n > 0 {
                        self.breaks = 0;
                    }
                    return Ok(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.take_up(error)?,
            }
        }
    }
}

fn open(client: &Client, digest: &Digest, at: u64) -> Result<Box<dyn Read + Send>> {
    let url = client.url(&format!("blobs/{digest}"));
    let range = format!("bytes={at}-");
    let headers: &[(&str, &str)] = match at {
        0 => &[],
        _ => &[("Range", &range)],
    };
    let response = client.send(&Method::GET, &url, headers)?;
    let what = || format!("fetching blob {digest} of {}", client.repository());
    let skipped = match (response.status().as_u16(), at) {
        // A server that knows no ranges sends all of it again.
        (200, _) => at,
        (206, 1..) if begins_at(&response) == Some(at) => 0,
        (206, _) => bail!("{}: the registry does not go on at byte {at}", what()),
        _ => return Err(refused(&what(), response)),
    };
    // The stream that checks the digest also ends at the descriptor's size.
    let mut body = response
        .into_body()
        .into_with_config()
        .limit(u64::MAX)
        .reader();
    io::copy(&mut body.by_ref().take(skipped), &mut io::sink()).with_context(what)?;
    Ok(Box::new(body))
}

/// `Content-Range: bytes 100-199/200`
fn begins_at(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get("Content-Range")?.to_str().ok()?;
    range
        .strip_prefix("bytes ")?
        .split('-')
        .next()?
        .trim()
        .parse()
        .ok()
}
