//! `rpod quadlet list`: podman-quadlet-list(1).

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::cli::{Globals, Verb};
use crate::output::template::no_methods;
use crate::output::{Listing, Style};
use crate::systemd::quadlet::installed::{self, Installed};
use crate::systemd::service;

#[derive(Args, Debug)]
pub struct List {
    /// Filter output by name, status or pod
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Pretty-print output to JSON or using a Go template
    #[arg(long)]
    format: Option<String>,
    /// Do not print headers
    #[arg(short, long)]
    noheading: bool,
}

impl Verb for List {
    const NAME: &'static str = "list";
    const ALIASES: &'static [&'static str] = &["ls"];
    const ABOUT: &'static str = "List all quadlets configured for the current user";

    fn call(self, _: &Globals) -> Result<u8> {
        let filters = self
            .filter
            .iter()
            .map(|text| Filter::parse(text))
            .collect::<Result<Vec<_>>>()?;
        let units = installed::all()?;
        let services: Vec<_> = units
            .iter()
            .map(|unit| unit.service.clone())
            .filter(|service| !service.is_empty())
            .collect();
        let states = service::states(&services)?;
        let rows = units.iter().filter_map(|unit| {
            let state = states.get(&unit.service).map_or("", String::as_str);
            filters
                .iter()
                .all(|filter| filter.takes(unit, state))
                .then(|| row(unit, state))
        });
        Listing {
            name: "list",
            rows: rows.collect(),
            hidden: &[],
            methods: no_methods,
            heading: |name| match name {
                "UnitName" => Some("UNIT NAME"),
                "Path" => Some("PATH ON DISK"),
                "App" => Some("APPLICATION"),
                _ => None,
            },
            table: "{{.Name}}\t{{.UnitName}}\t{{.Path}}\t{{.Status}}\t{{.App}}\t{{.Pod}}",
        }
        .print(&Style {
            format: self.format,
            quiet: None,
            no_heading: self.noheading,
        })?;
        Ok(0)
    }
}

fn row(unit: &Installed, state: &str) -> Value {
    json!({
        "Name": unit.name,
        "UnitName": unit.service,
        "Path": unit.path,
        "Status": state,
        "App": unit.app.as_deref().unwrap_or_default(),
        "Pod": unit.pod,
    })
}

enum Filter {
    Name(String),
    Status(String),
    Pod(String),
}

impl Filter {
    fn parse(text: &str) -> Result<Filter> {
        let value = |value: &str| value.to_owned();
        match text.split_once('=') {
            Some(("name", name)) => Ok(Filter::Name(value(name))),
            Some(("status", status)) => Ok(Filter::Status(value(status))),
            Some(("pod", pod)) => Ok(Filter::Pod(value(pod))),
            Some((other, _)) => bail!("{other} is not a valid filter: name, status and pod are"),
            None => bail!("invalid filter {text:?}: write KEY=VALUE"),
        }
    }

    fn takes(&self, unit: &Installed, state: &str) -> bool {
        match self {
            Filter::Name(pattern) => matches(pattern, &unit.name),
            Filter::Status(status) => status.eq_ignore_ascii_case(state),
            Filter::Pod(pod) => {
                !unit.pod.is_empty()
                    && (unit.pod == *pod || unit.pod.strip_suffix(".pod") == Some(pod))
            }
        }
    }
}

/// A pattern with `*` and `?`.
fn matches(pattern: &str, text: &str) -> bool {
    match (pattern.chars().next(), text.chars().next()) {
        (None, None) => true,
        (Some('*'), first) => {
            matches(&pattern[1..], text)
                || first.is_some_and(|first| matches(pattern, &text[first.len_utf8()..]))
        }
        (Some('?'), Some(first)) => matches(&pattern[1..], &text[first.len_utf8()..]),
        (Some(own), Some(first)) if own == first => {
            matches(&pattern[own.len_utf8()..], &text[first.len_utf8()..])
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert!(matches("test*", "test-a.pod") && matches("?b*", "ab") && matches("*", ""));
        assert!(!matches("test", "test.pod") && !matches("?", ""));
    }
}
