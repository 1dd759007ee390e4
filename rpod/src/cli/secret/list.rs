//! `rpod secret ls`: podman-secret-ls(1).

use anyhow::{Result, bail};
use clap::Args;
use regex::Regex;
use serde_json::json;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::filter::{self, split};
use crate::engine::secret::{self, Secret};
use crate::output::{Listing, Style, ago};

#[derive(Args, Debug)]
pub struct List {
    /// Filter secret output (name, id)
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Format secret output using Go template
    #[arg(long)]
    format: Option<String>,
    /// Do not print headers
    #[arg(short, long)]
    noheading: bool,
    /// Print secret IDs only
    #[arg(short, long)]
    quiet: bool,
}

impl Verb for List {
    const NAME: &'static str = "ls";
    const ALIASES: &'static [&'static str] = &["list"];
    const ABOUT: &'static str = "List secrets";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let filters = self.filters()?;
        let mut rows = Vec::new();
        for secret in secret::all(&ctx)? {
            if !taken(&filters, &secret) {
                continue;
            }
            rows.push(json!({
                "ID": secret.id,
                "Name": secret.name,
                "Driver": secret.driver,
                "CreatedAt": ago(secret.created.parse()?),
                "UpdatedAt": ago(secret.updated.parse()?),
            }));
        }
        let listing = Listing {
            name: "ls",
            rows,
            hidden: &[],
            methods: |_, _, _| None,
            heading: |name| match name {
                "CreatedAt" => Some("CREATED"),
                "UpdatedAt" => Some("UPDATED"),
                _ => None,
            },
            table: "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.CreatedAt}}\t{{.UpdatedAt}}",
        };
        // A format says what is shown of each, ids or not.
        let quiet = (self.quiet && self.format.is_none()).then_some("{{.ID}}");
        listing.print(&Style {
            format: self.format,
            quiet,
            no_heading: self.noheading,
        })?;
        Ok(0)
    }
}

/// A key and what its value has to match.
type Filter = (String, Regex);

impl List {
    fn filters(&self) -> Result<Vec<Filter>> {
        let parse = |text: &String| {
            let (key, value) = split(text)?;
            if !["name", "id"].contains(&key) {
                bail!("invalid filter {key:?}: name or id");
            }
            // An id is known by its beginning.
            let pattern = if key == "id" {
                format!("^{value}")
            } else {
                value.to_owned()
            };
            Ok((key.to_owned(), filter::pattern(&pattern)?))
        };
        self.filter.iter().map(parse).collect()
    }
}

/// One of the values of each key.
fn taken(filters: &[Filter], secret: &Secret) -> bool {
    [("name", &secret.name), ("id", &secret.id)]
        .into_iter()
        .all(|(key, value)| {
            let mut asked = filters.iter().filter(|(asked, _)| asked == key).peekable();
            asked.peek().is_none() || asked.any(|(_, pattern)| pattern.is_match(value))
        })
}
