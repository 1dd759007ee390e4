//! podman-search(1)

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use super::RegistryOptions;
use crate::cli::{Globals, Verb};
use crate::engine::image::{Found, Search as Asked};
use crate::output::template::no_methods;
use crate::output::{Listing, Style, parse_number, pretty};
use crate::rootless::Needs;

#[derive(Args, Debug)]
pub struct Search {
    #[command(flatten)]
    registry: RegistryOptions,
    /// List stars, official and automated columns as Docker does
    #[arg(long)]
    compatible: bool,
    /// Filter output based on conditions provided (is-automated, is-official, stars=N)
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Change the output format to JSON or a Go template
    #[arg(long)]
    format: Option<String>,
    /// Limit the number of results of each registry
    #[arg(
        long,
        value_name = "N",
        default_value_t = 25,
        allow_hyphen_values = true
    )]
    limit: i64,
    /// List the tags of the input registry's repository
    #[arg(long)]
    list_tags: bool,
    /// Do not truncate the output
    #[arg(long)]
    no_trunc: bool,
    /// Part of the names, after a registry and a slash if only that is to be searched
    #[arg(value_name = "TERM")]
    term: String,
}

impl Search {
    /// As podman has it, none asked for is the default; of less than none nobody is asked.
    fn most(&self) -> Option<usize> {
        match self.limit {
            0 => Some(DEFAULT),
            limit => usize::try_from(limit).ok(),
        }
    }
}

const DEFAULT: usize = 25;

impl Verb for Search {
    const NAME: &'static str = "search";
    const ABOUT: &'static str = "Search registry for image";
    const NEEDS: Needs = Needs::Nothing;

    fn call(self, _: &Globals) -> Result<u8> {
        let filters = Filters::parse(&self.filter)?;
        if self.list_tags && !self.filter.is_empty() {
            bail!("filters are not applicable to list tags result");
        }
        let Some(most) = self.most() else {
            return Ok(0);
        };
        let asked = Asked::new(&self.term, most, self.registry.into());
        let (rows, table) = if self.list_tags {
            let (name, tags) = asked.tags()?;
            if self.format.as_deref() == Some("json") {
                println!("{}", pretty(&json!([{ "Name": name, "Tags": tags }]), 4));
                return Ok(0);
            }
            let rows = tags.iter().map(|tag| json!({ "Name": name, "Tag": tag }));
            (rows.collect(), "{{.Name}}\t{{.Tag}}")
        } else {
            let found = asked.run()?.into_iter();
            let found = found.filter(|found| filters.take(found));
            let whole = self.no_trunc || self.format.as_deref() == Some("json");
            let table = match self.compatible {
                true => "{{.Name}}\t{{.Description}}\t{{.Stars}}\t{{.Official}}\t{{.Automated}}",
                false => "{{.Name}}\t{{.Description}}",
            };
            (found.map(|found| row(&found, whole)).collect(), table)
        };
        let rows: Vec<Value> = rows;
        if rows.is_empty() && self.format.as_deref() != Some("json") {
            return Ok(0);
        }
        Listing {
            name: "search",
            rows,
            hidden: &[],
            methods: no_methods,
            heading: |_| None,
            table,
        }
        .print(&Style {
            format: self.format,
            ..Style::default()
        })?;
        Ok(0)
    }
}

fn row(found: &Found, whole: bool) -> Value {
    const LENGTH: usize = 44;
    let mark = |is: bool| if is { "[OK]" } else { "" };
    let mut description = found.description.replace('\n', " ");
    if !whole && description.chars().count() > LENGTH {
        description = description.chars().take(LENGTH).collect::<String>() + "...";
    }
    json!({
        "Index": found.registry, "Name": found.name, "Description": description, "Stars": found.stars,
        "Official": mark(found.official), "Automated": mark(found.automated), "Tag": "",
    })
}

#[derive(Default)]
struct Filters {
    stars: u64,
    official: Option<bool>,
    automated: Option<bool>,
}

impl Filters {
    fn parse(texts: &[String]) -> Result<Filters> {
        let mut filters = Filters::default();
        for text in texts {
            let (key, value) = text.split_once('=').unwrap_or((text, ""));
            let truth = || match value {
                "" | "true" => Ok(Some(true)),
                "false" => Ok(Some(false)),
                _ => bail!("invalid filter {text:?}: true or false"),
            };
            match key {
                "stars" => {
                    let value = text
                        .split_once('=')
                        .with_context(|| {
                            format!("invalid filter {text:?}, should be stars=<value>")
                        })?
                        .1;
                    filters.stars = parse_number("Atoi", value)
                        .context("incorrect value type for stars filter")?;
                }
                "is-official" => filters.official = truth()?,
                "is-automated" => filters.automated = truth()?,
                _ => bail!("invalid filter type {text:?}: stars=N, is-official or is-automated"),
            }
        }
        Ok(filters)
    }

    fn take(&self, found: &Found) -> bool {
        found.stars >= self.stars
            && self.official.is_none_or(|wanted| wanted == found.official)
            && self
                .automated
                .is_none_or(|wanted| wanted == found.automated)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn filters() {
        let found = Found {
            registry: "docker.io".to_owned(),
            name: "docker.io/library/alpine".to_owned(),
            description: "x".repeat(60),
            stars: 5,
            official: true,
            automated: false,
        };
        let takes = |text: &str| Filters::parse(&[text.to_owned()]).unwrap().take(&found);
        assert!(takes("stars=5") && takes("is-official") && takes("is-automated=false"));
        assert!(!takes("stars=6") && !takes("is-official=false"));
        assert!(Filters::parse(&["size=1".to_owned()]).is_err());
        assert_eq!(
            row(&found, false)["Description"].as_str().unwrap().len(),
            47
        );
    }
}
