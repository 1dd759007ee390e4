//! A registry's lists, which come page by page (distribution-spec, "Listing Tags").

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use crate::registry::{Client, Method, document, refused};

/// The pages of a list, each of which names the next. One that was seen before is not read again.
pub(super) struct Pages<'a> {
    client: &'a Client,
    next: Option<String>,
    seen: BTreeSet<String>,
    /// By the name that was asked for.
    registry: &'a str,
    /// `reading its catalog`
    doing: &'static str,
}

impl<'a> Pages<'a> {
    pub(super) fn new(
        client: &'a Client,
        first: String,
        registry: &'a str,
        doing: &'static str,
    ) -> Self {
        Self {
            client,
            next: Some(first),
            seen: BTreeSet::new(),
            registry,
            doing,
        }
    }

    fn fetch(&mut self, url: &str) -> Result<Vec<u8>> {
        let response = self
            .client
            .send(&Method::GET, url, &[])
            .with_context(|| format!("pinging container registry {}", self.registry))?;
        if response.status() != 200 {
            return Err(refused(self.doing, response));
        }
        self.next = response
            .headers()
            .get("Link")
            .and_then(|value| value.to_str().ok())
            .and_then(next_page)
            .map(str::to_owned);
        document(response).context(self.doing)
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let url = self.next.take()?;
        let is_new = self.seen.insert(url.clone());
        is_new.then(|| self.fetch(&url))
    }
}

/// `</v2/name/tags/list?last=x&n=100>; rel="next"`
fn next_page(link: &str) -> Option<&str> {
    let (url, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    rest.contains("next").then_some(url)
}
