//! `rpod network ls`: podman-network-ls(1).

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::go_name;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::network::{self, filter::Filter};
use crate::output::{Listing, Style, pairs};
use crate::store::id;

#[derive(Args, Debug)]
pub struct List {
    /// Provide filter values (name, id, driver, label, until, dangling)
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Pretty-print networks to JSON or using a Go template
    #[arg(long)]
    format: Option<String>,
    /// Do not truncate the network ID
    #[arg(long)]
    no_trunc: bool,
    /// Do not print headers
    #[arg(short, long)]
    noheading: bool,
    /// Display only names
    #[arg(short, long)]
    quiet: bool,
}

impl Verb for List {
    const NAME: &'static str = "ls";
    const ALIASES: &'static [&'static str] = &["list"];
    const ABOUT: &'static str = "List networks";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let networks = Filter::parse(&self.filter)?.apply(&ctx, network::all(&ctx)?)?;
        let rows = networks.iter().map(serde_json::to_value);
        let rows: Vec<Value> = rows.collect::<Result<_, _>>()?;
        let listing = Listing {
            name: "ls",
            rows,
            hidden: &[],
            methods: if self.no_trunc { whole } else { truncated },
            heading: |name| (name == "ID").then_some("NETWORK ID"),
            table: "{{.ID}}\t{{.Name}}\t{{.Driver}}",
        };
        listing.print(&Style {
            format: self.format,
            quiet: self.quiet.then_some("{{.Name}}"),
            no_heading: self.noheading,
        })?;
        Ok(0)
    }
}

fn truncated(row: &Value, name: &str, _: &[Value]) -> Option<Value> {
    match name {
        "ID" => Some(id::short(row["id"].as_str()?).into()),
        _ => whole(row, name, &[]),
    }
}

fn whole(row: &Value, name: &str, _: &[Value]) -> Option<Value> {
    match name {
        "Labels" => Some(pairs(&row["labels"]).into()),
        _ => go_name(row, name, &[]),
    }
}
