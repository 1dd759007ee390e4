//! `rpod stats`: podman-stats(1), and what `rpod pod stats` has in common with it.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::{Map, Value, json};

use super::{Globals, Verb};
use crate::engine::container::record::Container;
use crate::engine::container::stats::{Observer, Stats as Look};
use crate::engine::{Context, container};
use crate::output::{Listing, Style, binary_size, go_duration, human_size, pretty};
use crate::store::id;

#[derive(Args, Debug)]
pub struct Stats {
    /// Show all containers. Only running containers are shown by default
    #[arg(short, long)]
    all: bool,
    /// Pretty-print container statistics to JSON or using a Go template
    #[arg(long)]
    format: Option<String>,
    /// Time in seconds between stats reports
    #[arg(short, long, value_name = "SECONDS", default_value_t = 5)]
    interval: i64,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// Disable resetting the screen between intervals
    #[arg(long)]
    no_reset: bool,
    /// Disable streaming stats and only pull the first result
    #[arg(long)]
    no_stream: bool,
    /// Do not truncate output
    #[arg(long)]
    no_trunc: bool,
    /// Names or IDs of containers
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
}

impl Verb for Stats {
    const NAME: &'static str = "stats";
    const ABOUT: &'static str = "Display a live stream of container resource usage statistics";

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.all && self.latest || (self.all || self.latest) && !self.containers.is_empty() {
            bail!("--all, --latest and containers cannot be used together");
        }
        let interval = match u64::try_from(self.interval) {
            Ok(seconds @ 1..) => Duration::from_secs(seconds),
            _ => bail!("invalid interval, must be a positive number greater zero"),
        };
        let ctx = Context::new(globals)?;
        let mut observer = Observer::default();
        loop {
            let mut rows = Vec::new();
            for container in self.chosen(&ctx)? {
                rows.push(row(&observer.look(&ctx, &container)?));
            }
            if !self.no_stream && !self.no_reset {
                reset_screen();
            }
            self.show(rows)?;
            if self.no_stream {
                return Ok(0);
            }
            sleep(interval);
        }
    }
}

impl Stats {
    fn chosen(&self, ctx: &Context) -> Result<Vec<Container>> {
        if !self.containers.is_empty() {
            let found = self.containers.iter().map(|name| {
                container::find(ctx, name).with_context(|| {
                    format!("unable to get list of containers: unable to look up container {name}")
                })
            });
            return found.collect();
        }
        let mut all = container::all(ctx)?;
        if self.latest {
            all.drain(..all.len().saturating_sub(1));
        } else if !self.all {
            let mut running = Vec::new();
            for container in all {
                if ctx.store.status(&container.id)?.is_running() {
                    running.push(container);
                }
            }
            return Ok(running);
        }
        Ok(all)
    }

    fn show(&self, rows: Vec<Value>) -> Result<()> {
        if self.format.as_deref() == Some("json") {
            println!("{}", pretty(&rows.iter().map(short_json).collect(), 1));
            return Ok(());
        }
        let columns = [
            "ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDS", "UpTime",
            "AVGCPU",
        ];
        let table = columns
            .map(|column| format!("{{{{.{column}}}}}"))
            .join("\t");
        let listing = Listing {
            name: "stats",
            rows,
            hidden: &[],
            methods: if self.no_trunc { whole } else { short },
            heading,
            table: &table,
        };
        listing.print(&Style {
            format: self.format.clone(),
            quiet: None,
            no_heading: false,
        })
    }
}

/// Clears the terminal for the next look.
pub(super) fn reset_screen() {
    print!("\x1b[2J\x1b[H");
}

/// The fields of podman's ContainerStats.
pub(super) fn row(look: &Look) -> Value {
    let usage = &look.usage;
    let network: Map<String, Value> = look
        .network
        .iter()
        .map(|(name, received, sent)| {
            (
                name.clone(),
                json!({ "RxBytes": received, "TxBytes": sent }),
            )
        })
        .collect();
    json!({
        "AvgCPU": look.average_cpu,
        "ContainerID": look.id,
        "Name": look.name,
        "PerCPU": Value::Null,
        "CPU": look.cpu,
        "CPUNano": usage.cpu,
        "CPUSystemNano": usage.cpu_system,
        "SystemNano": look.at,
        "MemUsage": usage.memory,
        "MemLimit": usage.memory_limit,
        "MemPerc": look.memory_percent(),
        "Network": network,
        "BlockInput": usage.read,
        "BlockOutput": usage.written,
        "PIDs": usage.processes,
        "UpTime": usage.cpu,
        "Duration": usage.cpu,
    })
}

fn short_json(row: &Value) -> Value {
    let field = |name| short(row, name, &[]).unwrap_or_default();
    json!({
        "id": field("ID"),
        "name": row["Name"],
        "cpu_time": field("UpTime"),
        "cpu_percent": field("CPUPerc"),
        "avg_cpu": field("AVGCPU"),
        "mem_usage": field("MemUsage"),
        "mem_percent": field("MemPerc"),
        "net_io": field("NetIO"),
        "block_io": field("BlockIO"),
        "pids": field("PIDS"),
    })
}

fn heading(name: &str) -> Option<&'static str> {
    Some(match name {
        "CPUPerc" => "CPU %",
        "AVGCPU" => "AVG CPU %",
        "MemUsage" | "MemUsageBytes" => "MEM USAGE / LIMIT",
        "MemPerc" => "MEM %",
        "NetIO" => "NET IO",
        "BlockIO" => "BLOCK IO",
        "PIDS" | "PIDs" => "PIDS",
        "UpTime" | "Up" => "CPU TIME",
        _ => return None,
    })
}

fn short(row: &Value, name: &str, arguments: &[Value]) -> Option<Value> {
    match name {
        "ID" => row["ContainerID"].as_str().map(|id| id::short(id).into()),
        _ => whole(row, name, arguments),
    }
}

fn whole(row: &Value, name: &str, _: &[Value]) -> Option<Value> {
    let number = |key: &str| row[key].as_u64().unwrap_or_default();
    let two = |a: u64, b: u64| Value::from(format!("{} / {}", human_size(a), human_size(b)));
    Some(match name {
        "ID" => row["ContainerID"].clone(),
        "CPUPerc" => percent(&row["CPU"]),
        "AVGCPU" => percent(&row["AvgCPU"]),
        "MemPerc" => percent(&row["MemPerc"]),
        "MemUsage" => two(number("MemUsage"), number("MemLimit")),
        "MemUsageBytes" => {
            let (used, limit) = (number("MemUsage"), number("MemLimit"));
            format!("{} / {}", binary_size(used), binary_size(limit)).into()
        }
        "NetIO" => {
            let (received, sent) = traffic(row);
            two(received, sent)
        }
        "BlockIO" => two(number("BlockInput"), number("BlockOutput")),
        "PIDS" => number("PIDs").to_string().into(),
        "UpTime" | "Up" | "Duration" => go_duration(number("CPUNano")).into(),
        _ => return None,
    })
}

pub(super) fn percent(value: &Value) -> Value {
    format!("{:.2}%", value.as_f64().unwrap_or_default()).into()
}

/// Bytes of all interfaces.
pub(super) fn traffic(row: &Value) -> (u64, u64) {
    let sum = |key: &str| {
        let interfaces = row["Network"].as_object().into_iter().flat_map(Map::values);
        interfaces
            .filter_map(|interface| interface[key].as_u64())
            .sum()
    };
    (sum("RxBytes"), sum("TxBytes"))
}
