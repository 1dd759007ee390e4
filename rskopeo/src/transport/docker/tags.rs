//! The tags of a repository.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::connect;
use crate::config::Registries;
use crate::reference::Name;
use crate::registry::{Client, Method, Scope, document, refused};
use crate::transport::Access;

/// All tags of the repository of `name`, page by page.
pub fn list_tags(name: &Name, access: &Access) -> Result<Vec<String>> {
    let endpoint = Registries::load()?.push(name)?;
    let client = connect(&endpoint, access, Scope::Pull)?;
    all(&client, &name.domain)
}

pub(super) fn all(client: &Client, registry: &str) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Page {
        #[serde(default)]
        tags: Option<Vec<String>>,
    }
    let mut url = client.url("tags/list");
    let mut tags = Vec::new();
    let mut seen = BTreeSet::new();
    while seen.insert(url.clone()) {
        let response = client
            .send(&Method::GET, &url, &[])
            .with_context(|| format!("pinging container registry {registry}"))?;
        if response.status() != 200 {
            return Err(refused("fetching tags list", response));
        }
        let next = response
            .headers()
            .get("Link")
            .and_then(|value| value.to_str().ok())
            .and_then(next_page)
            .map(str::to_owned);
        let body = document(response).context("fetching tags list")?;
        let page: Page = serde_json::from_slice(&body).context("parsing tags list")?;
        tags.extend(page.tags.unwrap_or_default());
        match next {
            Some(next) => url = next,
            None => break,
        }
    }
    Ok(tags)
}

/// `</v2/name/tags/list?last=x&n=100>; rel="next"`
pub(super) fn next_page(link: &str) -> Option<&str> {
    let (url, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    rest.contains("next").then_some(url)
}
