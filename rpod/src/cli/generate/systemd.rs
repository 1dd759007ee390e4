//! `rpod generate systemd`: podman-generate-systemd(1).

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::json;

use super::command_line::take_apart;
use crate::cli::options::environment;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::output::pretty;
use crate::store::record::{Durability, replace};
use crate::systemd::generate::{self, Request, Units};

#[derive(Args, Debug)]
pub struct Systemd {
    /// Add a unit after which this one starts
    #[arg(long, value_name = "UNIT")]
    after: Vec<String>,
    /// What the names of containers' units begin with
    #[arg(long, value_name = "PREFIX", default_value = "container")]
    container_prefix: String,
    /// Set environment variables of the units
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Write files into the working directory and print their paths
    #[arg(short, long)]
    files: bool,
    /// Print one JSON object (json)
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Use the names of containers and pods rather than their IDs
    #[arg(short, long)]
    name: bool,
    /// The units make a new container or pod each time, and remove it
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    new: Option<bool>,
    /// Leave out which program made it, and when
    #[arg(long)]
    no_header: bool,
    /// What the names of pods' units begin with
    #[arg(long, value_name = "PREFIX", default_value = "pod")]
    pod_prefix: String,
    /// Add a unit without which this one does not start
    #[arg(long, value_name = "UNIT")]
    requires: Vec<String>,
    /// When systemd starts it again (no, on-success, on-failure, on-abnormal, on-watchdog, on-abort, always); on-failure, or what
    /// the container was made with
    #[arg(long, value_name = "POLICY")]
    restart_policy: Option<String>,
    /// Seconds before it is started again
    #[arg(long, value_name = "SECONDS")]
    restart_sec: Option<u64>,
    /// What stands between the prefix and the name
    #[arg(long, value_name = "TEXT", default_value = "-")]
    separator: String,
    /// Seconds that a start may take
    #[arg(long, value_name = "SECONDS")]
    start_timeout: Option<u64>,
    /// Seconds that a container may take to stop; else its own
    #[arg(short = 't', long, alias = "time", value_name = "SECONDS")]
    stop_timeout: Option<u64>,
    /// A template unit, whose instances are containers of their own; implies --new
    #[arg(long)]
    template: bool,
    /// Add a unit that is to be started with this one
    #[arg(long, value_name = "UNIT")]
    wants: Vec<String>,
    /// Name or ID of a container or a pod
    #[arg(value_name = "CONTAINER|POD")]
    target: String,
}

impl Verb for Systemd {
    const NAME: &'static str = "systemd";
    const ABOUT: &'static str =
        "Generate systemd units; quadlets do the same with less (rpod quadlet)";

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.template && self.new == Some(false) {
            bail!("--template cannot be set with --new=false");
        }
        let format = self.format.as_deref().unwrap_or_default();
        if !matches!(format, "" | "json") {
            bail!("unknown --format argument: {format}: json is known");
        }
        let ctx = Context::new(globals)?;
        let request = Request {
            by_name: self.name,
            new: self.new.unwrap_or(self.template),
            template: self.template,
            no_header: self.no_header,
            container_prefix: self.container_prefix,
            pod_prefix: self.pod_prefix,
            separator: self.separator,
            restart_policy: self.restart_policy,
            restart_seconds: self.restart_sec,
            start_timeout: self.start_timeout,
            stop_timeout: self.stop_timeout,
            wants: self.wants,
            after: self.after,
            requires: self.requires,
            env: environment(&[], &self.env)?,
            take_apart,
        };
        let mut units = generate::units(&ctx, &self.target, &request)?;
        if self.files {
            write(&mut units)?;
        }
        match format {
            "json" => println!("{}", pretty(&json!(units), 1)),
            _ => units
                .values()
                .for_each(|text| println!("{}", text.trim_end())),
        }
        Ok(0)
    }
}

/// Writes each unit into a file and puts the file's path in its place.
fn write(units: &mut Units) -> Result<()> {
    let here = std::env::current_dir().context("where to write the units")?;
    for (name, text) in units {
        let path = here.join(format!("{name}.service"));
        replace(&path, text.as_bytes(), Durability::Disk)?;
        *text = path.display().to_string();
    }
    Ok(())
}
