//! `rpod ps`: podman-ps(1).

mod ports;
mod row;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::{Globals, Verb};
use crate::engine::container::filter::Filter;
use crate::engine::container::record::Container;
use crate::engine::{Context, container};
use crate::output::{Listing, Style};
use row::Shown;

#[derive(Args, Debug)]
pub struct Ps {
    /// Show all the containers, default is only running containers
    #[arg(short, long)]
    all: bool,
    /// Show containers of other tools in the store as well: rpod's store has none but its own
    #[arg(long)]
    external: bool,
    /// Filter output based on conditions given
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Pretty-print containers to JSON or using a Go template
    #[arg(long)]
    format: Option<String>,
    /// Print the n last created containers (all states)
    #[arg(short = 'n', long, value_name = "N")]
    last: Option<i64>,
    /// Show the latest container created (all states)
    #[arg(short, long)]
    latest: bool,
    /// Display the extended information
    #[arg(long)]
    no_trunc: bool,
    /// Do not print headers
    #[arg(long)]
    noheading: bool,
    /// Display namespace information
    #[arg(long, visible_alias = "namespace")]
    ns: bool,
    /// Print the ID and name of the pod the containers are associated with
    #[arg(short, long)]
    pod: bool,
    /// Print the numeric IDs of the containers only
    #[arg(short, long)]
    quiet: bool,
    /// Display the total file sizes
    #[arg(short, long)]
    size: bool,
    /// Sort output by a column
    #[arg(long, value_enum, default_value = "created")]
    sort: Column,
    /// Ask the system for the state of each container, which rpod does anyway
    #[arg(long)]
    sync: bool,
    /// Show the list anew after so many seconds
    #[arg(short, long, value_name = "SECONDS")]
    watch: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Column {
    Command,
    Created,
    Id,
    Image,
    Names,
    Runningfor,
    Size,
    Status,
}

impl Column {
    /// The key of a row that tells the order; rows come by the time of creation.
    fn key(self) -> Option<&'static str> {
        match self {
            Column::Created | Column::Runningfor => None,
            Column::Command => Some("Command"),
            Column::Id => Some("Id"),
            Column::Image => Some("Image"),
            Column::Names => Some("Names"),
            Column::Size => Some("Size"),
            Column::Status => Some("State"),
        }
    }
}

/// `rpod container list`.
#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    ps: Ps,
}

impl Verb for List {
    const NAME: &'static str = "list";
    const ALIASES: &'static [&'static str] = &["ls", "ps"];
    const ABOUT: &'static str = Ps::ABOUT;

    fn call(self, globals: &Globals) -> Result<u8> {
        self.ps.call(globals)
    }
}

impl Verb for Ps {
    const NAME: &'static str = "ps";
    const ABOUT: &'static str = "List containers";

    fn call(self, globals: &Globals) -> Result<u8> {
        self.check()?;
        let ctx = Context::new(globals)?;
        let Some(seconds) = self.watch.filter(|seconds| *seconds > 0) else {
            return self.print(&ctx).map(|()| 0);
        };
        loop {
            print!("\x1b[2J\x1b[1;1H");
            self.print(&ctx)?;
            std::thread::sleep(std::time::Duration::from_secs(seconds));
        }
    }
}

impl Ps {
    fn check(&self) -> Result<()> {
        if self.last().is_some() && self.latest {
            bail!("last and latest are mutually exclusive");
        }
        if self.quiet && (self.size || self.ns) {
            bail!("quiet conflicts with size and namespace");
        }
        if self.size && self.ns {
            bail!("size and namespace options conflict");
        }
        if self.watch.is_some() && self.latest {
            bail!("the watch and latest flags cannot be used together");
        }
        Ok(())
    }

    /// How many; less than none is all.
    fn last(&self) -> Option<usize> {
        self.last.and_then(|last| usize::try_from(last).ok())
    }

    fn print(&self, ctx: &Context) -> Result<()> {
        let listing = Listing {
            name: "ps",
            rows: self.rows(ctx)?,
            hidden: &[],
            methods: if self.no_trunc {
                row::whole
            } else {
                row::short
            },
            heading: row::heading,
            table: &cells(&self.columns()),
        };
        listing.print(&Style {
            format: self
                .format
                .as_ref()
                .map(|format| format.replace(".Namespaces.", ".")),
            quiet: (self.quiet && self.format.is_none()).then_some("{{.ID}}\n"),
            no_heading: self.noheading,
        })
    }

    fn rows(&self, ctx: &Context) -> Result<Vec<Value>> {
        let filters = Filter::parse_all(ctx, &self.filter)?;
        let any_state = self.all
            || self.latest
            || self.last().is_some()
            || filters.iter().any(Filter::is_about_state);
        let count = if self.latest { Some(1) } else { self.last() };
        let mut statuses = ctx.store.statuses()?;
        let keys = self.keys();
        let is_looked_at = |key: &str| keys.as_ref().is_none_or(|keys| keys.contains(&key));
        let mut row = |container: Container| -> Result<Option<(String, Value)>> {
            let status = statuses.of(&container.id)?;
            let is_shown = (any_state || status.is_running())
                && Filter::all_take(&filters, ctx, &container, &status);
            if !is_shown {
                return Ok(None);
            }
            let shown = Shown {
                ctx,
                container: &container,
                status: &status,
                with_size: self.needs_size(),
                with_namespaces: self.ns || self.format.as_deref() != Some("json"),
            };
            let row = shown.row(is_looked_at)?;
            Ok(Some((container.created, row)))
        };
        let shown = |container| row(container).transpose();
        let mut rows: Vec<_> = match count {
            // Of a few, the newest alone are looked at.
            Some(count) => {
                let newest = container::all(ctx)?.into_iter().rev().filter_map(shown);
                newest.take(count).collect::<Result<_>>()?
            }
            None => container::each(ctx)?
                .filter_map(shown)
                .collect::<Result<_>>()?,
        };
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut rows = rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>();
        self.sort(&mut rows);
        Ok(rows)
    }

    fn needs_size(&self) -> bool {
        self.size || matches!(self.sort, Column::Size)
    }

    /// The keys of a row that are looked at, where that is known: a format of one's own may ask for any.
    fn keys(&self) -> Option<Vec<&'static str>> {
        if self.format.is_some() {
            return None;
        }
        let columns = if self.quiet {
            vec!["ID"]
        } else {
            self.columns()
        };
        let sorted_by = self.sort.key();
        Some(
            columns
                .iter()
                .flat_map(row::keys)
                .copied()
                .chain(sorted_by)
                .collect(),
        )
    }

    fn sort(&self, rows: &mut [Value]) {
        match (self.sort, self.sort.key()) {
            (Column::Runningfor, _) => rows.reverse(),
            (Column::Size, Some(key)) => rows.sort_by_key(|row| row[key]["rootFsSize"].as_u64()),
            (_, Some(key)) => rows.sort_by_cached_key(|row| row[key].to_string()),
            (_, None) => {}
        }
    }

    fn columns(&self) -> Vec<&'static str> {
        if self.ns {
            return vec![
                "ID", "Names", "Pid", "Cgroup", "IPC", "MNT", "NET", "PIDNS", "USERNS", "UTS",
            ];
        }
        let mut columns = vec![
            "ID",
            "Image",
            "Command",
            "CreatedHuman",
            "Status",
            "Ports",
            "Names",
        ];
        if self.pod {
            columns.extend(["Pod", "PodName"]);
        }
        if self.size {
            columns.push("Size");
        }
        columns
    }
}

/// The table's template.
fn cells(columns: &[&str]) -> String {
    let cells: Vec<String> = columns
        .iter()
        .map(|column| format!("{{{{.{column}}}}}"))
        .collect();
    cells.join("\t")
}
