//! The tags of a repository.

use anyhow::{Context, Result};
use serde::Deserialize;

use super::connect;
use super::pages::Pages;
use crate::config::Registries;
use crate::reference::Name;
use crate::registry::{Client, Scope};
use crate::transport::Access;

/// All tags of the repository of `name`, page by page.
pub fn list_tags(name: &Name, access: &Access) -> Result<Vec<String>> {
    let endpoint = Registries::load()?.location(name)?;
    let client = connect(&endpoint, access, Scope::Pull)?;
    all(&client, &name.domain)
}

pub(super) fn all(client: &Client, registry: &str) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Page {
        #[serde(default)]
        tags: Option<Vec<String>>,
    }
    let mut tags = Vec::new();
    for page in Pages::new(
        client,
        client.url("tags/list"),
        registry,
        "fetching tags list",
    ) {
        let page: Page = serde_json::from_slice(&page?).context("parsing tags list")?;
        tags.extend(page.tags.unwrap_or_default());
    }
    Ok(tags)
}
