//! `rpod pod stats`: podman-pod-stats(1).

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::cli::stats::{percent, reset_screen, row, traffic};
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::stats::Observer;
use crate::engine::pod::{self, record::Pod, status};
use crate::output::template::no_methods;
use crate::output::{Listing, Style, binary_size, human_size, pretty};
use crate::store::id;

const COLUMNS: &str = "{{.Pod}}\t{{.CID}}\t{{.Name}}\t{{.CPU}}\t{{.MemUsage}}\t{{.Mem}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDS}}";

#[derive(Args, Debug)]
pub struct Stats {
    /// Provide stats for all pods
    #[arg(short, long)]
    all: bool,
    /// Pretty-print container statistics to JSON or using a Go template
    #[arg(long)]
    format: Option<String>,
    /// Act on the latest created pod
    #[arg(short, long)]
    latest: bool,
    /// Disable resetting the screen when streaming
    #[arg(long)]
    no_reset: bool,
    /// Disable streaming stats and only pull the first result
    #[arg(long)]
    no_stream: bool,
    /// Names or IDs of pods
    #[arg(value_name = "POD")]
    pods: Vec<String>,
}

impl Verb for Stats {
    const NAME: &'static str = "stats";
    const ABOUT: &'static str =
        "Display a live stream of resource usage statistics for the containers in one or more pods";

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.all && self.latest || (self.all || self.latest) && !self.pods.is_empty() {
            bail!("--all, --latest and arguments cannot be used together");
        }
        let ctx = Context::new(globals)?;
        let mut observer = Observer::default();
        loop {
            let mut rows = Vec::new();
            for pod in self.chosen(&ctx)? {
                for member in pod::members(&ctx, &pod)? {
                    rows.push(report(&pod, &row(&observer.look(&ctx, &member)?)));
                }
            }
            if !self.no_stream && !self.no_reset {
                reset_screen();
            }
            self.show(rows)?;
            if self.no_stream {
                return Ok(0);
            }
            sleep(Duration::from_secs(1));
        }
    }
}

impl Stats {
    /// The pods that run, unless others were asked for.
    fn chosen(&self, ctx: &Context) -> Result<Vec<Pod>> {
        if !self.pods.is_empty() {
            let found = self.pods.iter().map(|name| pod::find(ctx, name));
            let found: Result<Vec<Pod>> = found.collect();
            return found.context("unable to get list of pods");
        }
        let mut all = pod::all(ctx)?;
        if self.latest {
            all.drain(..all.len().saturating_sub(1));
        } else if !self.all {
            let mut running = Vec::new();
            for pod in all {
                if matches!(
                    status::word(&status::of(ctx, &pod)?),
                    "Running" | "Degraded"
                ) {
                    running.push(pod);
                }
            }
            return Ok(running);
        }
        Ok(all)
    }

    fn show(&self, mut rows: Vec<Value>) -> Result<()> {
        match self.format.as_deref() {
            Some("json") => {
                println!("{}", pretty(&rows.into(), 5));
                return Ok(());
            }
            Some(_) => {}
            None if rows.is_empty() => {
                let nothing = "--";
                rows.push(json!({
                    "CPU": nothing, "MemUsage": nothing, "Mem": nothing, "NetIO": nothing, "BlockIO": nothing,
                    "PIDS": nothing, "Pod": nothing, "CID": nothing, "Name": nothing,
                }));
            }
            None => {}
        }
        let listing = Listing {
            name: "stats",
            rows,
            hidden: &[],
            methods: no_methods,
            heading,
            table: COLUMNS,
        };
        listing.print(&Style {
            format: self.format.clone(),
            quiet: None,
            no_heading: false,
        })
    }
}

fn heading(name: &str) -> Option<&'static str> {
    Some(match name {
        "CPU" => "CPU %",
        "MemUsage" | "MemUsageBytes" => "MEM USAGE/ LIMIT",
        "Mem" => "MEM %",
        "NetIO" => "NET IO",
        "BlockIO" => "BLOCK IO",
        "CID" => "CID",
        _ => return None,
    })
}

/// A container's row, in which what is nothing is dashes.
fn report(pod: &Pod, row: &Value) -> Value {
    let number = |key: &str| row[key].as_u64().unwrap_or_default();
    let two = |a: u64, b: u64, size: fn(u64) -> String| match (a, b) {
        (0, 0) => "-- / --".to_owned(),
        _ => format!("{} / {}", size(a), size(b)),
    };
    let (used, limit) = (number("MemUsage"), number("MemLimit"));
    let (received, sent) = traffic(row);
    let processes = number("PIDs");
    let runs = |value: Value| if processes == 0 { "--".into() } else { value };
    json!({
        "CPU": runs(percent(&row["CPU"])),
        "MemUsage": two(used, limit, human_size),
        "MemUsageBytes": two(used, limit, binary_size),
        "Mem": runs(percent(&row["MemPerc"])),
        "NetIO": two(received, sent, human_size),
        "BlockIO": two(number("BlockInput"), number("BlockOutput"), human_size),
        "PIDS": runs(processes.to_string().into()),
        "Pod": id::short(&pod.id),
        "CID": id::short(row["ContainerID"].as_str().unwrap_or_default()),
        "Name": row["Name"],
    })
}
