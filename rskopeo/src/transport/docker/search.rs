//! Which repositories a registry has of a name: the first version's search where there is one, else the second's catalog.

use anyhow::{Context, Result};
use serde::{Deserialize, Deserializer, Serialize};

use super::connect_to_registry;
use super::pages::Pages;
use crate::registry::{Client, Method, document};
use crate::transport::Access;

/// A repository, with what the registry tells of it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    pub name: String,
    /// Registries say null where they have none.
    #[serde(deserialize_with = "or_none")]
    pub description: String,
    pub star_count: u64,
    pub is_official: bool,
    pub is_automated: bool,
}

fn or_none<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// At most `limit` repositories whose names have `term` in them.
pub fn search(host: &str, term: &str, limit: usize, access: &Access) -> Result<Vec<Found>> {
    // The hub has its search at another host, and no catalog; and it does not find what it calls library/x.
    let (host, term) = match host {
        "docker.io" => (
            "index.docker.io",
            term.strip_prefix("library/").unwrap_or(term),
        ),
        host => (host, term),
    };
    let client = connect_to_registry(host, access)?;
    if !term.is_empty()
        && let Some(found) = first_version(&client, term, limit)?
    {
        return Ok(found);
    }
    catalog(&client, host, term, limit)
        .with_context(|| format!("couldn't search registry {host:?}"))
}

/// Nothing where the registry does not know of it.
fn first_version(client: &Client, term: &str, limit: usize) -> Result<Option<Vec<Found>>> {
    #[derive(Deserialize)]
    struct Results {
        #[serde(default)]
        results: Vec<Found>,
    }
    let url = client.at(&format!("/v1/search?q={}&n={limit}", escaped(term)));
    let Ok(response) = client.send(&Method::GET, &url, &[]) else {
        return Ok(None);
    };
    let is_json = response
        .headers()
        .get("Content-Type")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.contains("json"));
    if response.status() != 200 || !is_json {
        return Ok(None);
    }
    let body = document(response).context("searching")?;
    let found: Results = serde_json::from_slice(&body).context("parsing what was found")?;
    Ok(Some(found.results))
}

fn catalog(client: &Client, host: &str, term: &str, limit: usize) -> Result<Vec<Found>> {
    #[derive(Deserialize)]
    struct Page {
        #[serde(default)]
        repositories: Vec<String>,
    }
    let mut found: Vec<Found> = Vec::new();
    for page in Pages::new(
        client,
        client.at("/v2/_catalog"),
        host,
        "reading its catalog",
    ) {
        let page: Page = serde_json::from_slice(&page?).context("parsing its catalog")?;
        for name in page.repositories {
            if found.len() < limit && name.contains(term) {
                // What is called just so is what is looked for.
                let place = if name == term { 0 } else { found.len() };
                let one = Found {
                    name,
                    ..Found::default()
                };
                found.insert(place, one);
            }
        }
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// RFC 3986, 2.1.
fn escaped(text: &str) -> String {
    let each = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_description_is_an_empty_one() {
        let read = |text: &str| serde_json::from_str::<Found>(text).map(|found| found.description);
        assert!(read(r#"{"name":"a","description":null}"#).is_ok_and(|text| text.is_empty()));
        assert!(read(r#"{"name":"a","description":"b"}"#).is_ok_and(|text| text == "b"));
    }

    #[test]
    fn a_term_cannot_add_to_the_question() {
        assert_eq!(escaped("a/b&n=1 ü"), "a%2Fb%26n%3D1%20%C3%BC");
    }
}
