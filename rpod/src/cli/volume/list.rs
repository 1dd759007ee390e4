//! `rpod volume ls`: podman-volume-ls(1).

use anyhow::{Result, bail};
use clap::Args;
use serde_json::Value;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::volume::{self, filter::Filter, inspect};
use crate::output::{Listing, Style, pairs};

#[derive(Args, Debug)]
pub struct List {
    /// Filter volume output (name, driver, label, label!, opt, scope, until, since, anonymous, dangling)
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Format volume output as json or by a Go template
    #[arg(long)]
    format: Option<String>,
    /// Do not print headers
    #[arg(short, long)]
    noheading: bool,
    /// Print volume output in quiet mode
    #[arg(short, long)]
    quiet: bool,
}

/// What a row tells otherwise than its JSON does.
fn methods(row: &Value, name: &str, arguments: &[Value]) -> Option<Value> {
    match name {
        "Labels" => row.get("Labels").map(|labels| pairs(labels).into()),
        _ => inspect::omitted(row, name, arguments),
    }
}

impl Verb for List {
    const NAME: &'static str = "ls";
    const ALIASES: &'static [&'static str] = &["list"];
    const ABOUT: &'static str = "List volumes";

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.quiet && self.format.is_some() {
            bail!("quiet and format flags cannot be used together");
        }
        let ctx = Context::new(globals)?;
        let volumes = Filter::parse(&ctx, &self.filter)?.apply(&ctx, volume::all(&ctx)?)?;
        let rows: Result<Vec<Value>> = volumes
            .iter()
            .map(|volume| inspect::inspect(&ctx, volume))
            .collect();
        let listing = Listing {
            name: "ls",
            rows: rows?,
            hidden: &[],
            methods,
            heading: |name| (name == "Name").then_some("VOLUME NAME"),
            table: "{{.Driver}}\t{{.Name}}",
        };
        listing.print(&Style {
            format: self.format,
            quiet: self.quiet.then_some("{{.Name}}"),
            no_heading: self.noheading,
        })?;
        Ok(0)
    }
}
