//! `rpod pod ps`: podman-pod-ps(1).

mod filter;
mod row;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::Value;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::pod::{self, status};
use crate::output::{Listing, Style, pretty};
use filter::Filter;

#[derive(Args, Debug)]
pub struct Ps {
    /// Display the container UUIDs
    #[arg(long)]
    ctr_ids: bool,
    /// Display the container names
    #[arg(long)]
    ctr_names: bool,
    /// Display the container status
    #[arg(long)]
    ctr_status: bool,
    /// Filter output based on conditions given
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Pretty-print pods to JSON or using a Go template
    #[arg(long)]
    format: Option<String>,
    /// Show the latest pod created (all states)
    #[arg(short, long)]
    latest: bool,
    /// Do not truncate pod and container IDs
    #[arg(long)]
    no_trunc: bool,
    /// Do not print headers
    #[arg(short = 'n', long)]
    noheading: bool,
    /// Display namespace information of the pod
    #[arg(long, visible_alias = "namespace")]
    ns: bool,
    /// Print the numeric IDs of the pods only
    #[arg(short, long)]
    quiet: bool,
    /// Sort output by created, id, name, number, or status
    #[arg(long, value_name = "COLUMN", default_value = "created")]
    sort: String,
}

impl Verb for Ps {
    const NAME: &'static str = "ps";
    const ALIASES: &'static [&'static str] = &["ls", "list"];
    const ABOUT: &'static str = "List pods";

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.quiet && self.format.is_some() {
            bail!("quiet and format cannot be used together");
        }
        let ctx = Context::new(globals)?;
        let rows = self.rows(&ctx)?;
        if self.format.as_deref() == Some("json") {
            println!("{}", pretty(&rows.into(), 2));
            return Ok(0);
        }
        let listing = Listing {
            name: "ps",
            rows,
            hidden: &[],
            methods: if self.no_trunc {
                row::whole
            } else {
                row::short
            },
            heading: row::heading,
            table: &self.table(),
        };
        listing.print(&Style {
            format: self.format,
            quiet: self.quiet.then_some("{{.Id}}\n"),
            no_heading: self.noheading,
        })?;
        Ok(0)
    }
}

impl Ps {
    fn rows(&self, ctx: &Context) -> Result<Vec<Value>> {
        let filters = self
            .filter
            .iter()
            .map(|text| Filter::parse(text))
            .collect::<Result<Vec<_>>>()?;
        let mut pods = pod::all(ctx)?;
        pods.reverse();
        pods.truncate(if self.latest { 1 } else { usize::MAX });
        let mut rows = Vec::new();
        for pod in pods {
            let members = status::of(ctx, &pod)?;
            if Filter::all_take(&filters, &pod, &members) {
                rows.push(row::of(ctx, &pod, &members));
            }
        }
        let text = |row: &Value, key: &str| row[key].to_string();
        match self.sort.as_str() {
            "created" => {}
            "id" => rows.sort_by_key(|row| text(row, "Id")),
            "name" => rows.sort_by_key(|row| text(row, "Name")),
            "number" => rows.sort_by_key(|row| row["Containers"].as_array().map_or(0, Vec::len)),
            "status" => rows.sort_by_key(|row| text(row, "Status")),
            _ => bail!(
                "invalid option for --sort, options are: created, id, name, number, or status"
            ),
        }
        Ok(rows)
    }

    fn table(&self) -> String {
        let mut columns = vec!["Id", "Name", "Status", "Created", "InfraID"];
        let containers = [
            (self.ctr_ids, "ContainerIds"),
            (self.ctr_names, "ContainerNames"),
            (self.ctr_status, "ContainerStatuses"),
        ];
        columns.extend(
            containers
                .iter()
                .filter(|(asked, _)| *asked)
                .map(|(_, name)| name),
        );
        if self.ns {
            columns.extend(["Cgroup", "Namespace"]);
        }
        if !containers.iter().any(|(asked, _)| *asked) {
            columns.push("NumberOfContainers");
        }
        columns
            .iter()
            .map(|column| format!("{{{{.{column}}}}}"))
            .collect::<Vec<_>>()
            .join("\t")
    }
}
