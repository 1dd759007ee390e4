//! `rpod logs`: podman-logs(1).

use anyhow::{Context as _, Result, bail};
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::{find, logs};
use crate::store::id;

#[derive(Args, Debug)]
pub struct Logs {
    /// Follow log output
    #[arg(short, long)]
    follow: bool,
    /// Output the container name in the log
    #[arg(short, long)]
    names: bool,
    /// Show logs since TIMESTAMP
    #[arg(long, value_name = "TIMESTAMP")]
    since: Option<String>,
    /// Show logs until TIMESTAMP
    #[arg(long, value_name = "TIMESTAMP")]
    until: Option<String>,
    /// Output the specified number of lines at the end of the logs: -1 for all
    #[arg(long, value_name = "N", default_value_t = -1, allow_hyphen_values = true)]
    tail: i64,
    /// Output the timestamps in the log
    #[arg(short, long)]
    timestamps: bool,
    #[arg(value_name = "CONTAINER", required = true)]
    containers: Vec<String>,
}

impl Verb for Logs {
    const NAME: &'static str = "logs";
    const ABOUT: &'static str = "Fetch the logs of one or more containers";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        if self.follow && self.containers.len() > 1 {
            bail!("--follow takes one container: several are followed by several commands");
        }
        let options = logs::Options {
            follow: self.follow,
            since: self.since.as_deref().map(moment).transpose()?,
            until: self.until.as_deref().map(moment).transpose()?,
            tail: usize::try_from(self.tail).ok(),
            timestamps: self.timestamps,
            prefix: String::new(),
        };
        for name in &self.containers {
            let container = find(&ctx, name)?;
            let mut options = options.clone();
            if self.names {
                options.prefix = format!("{} ", container.name);
            } else if self.containers.len() > 1 {
                options.prefix = format!("{} ", id::short(&container.id));
            }
            logs::print(&ctx, &container, &options)?;
        }
        Ok(0)
    }
}

/// RFC 3339, seconds since 1970, or a duration before now (`10m`, `1h30m`).
fn moment(text: &str) -> Result<Timestamp> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(Timestamp::from_second(seconds)?);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let duration: SignedDuration = text.parse().with_context(|| {
        format!("{text:?} is neither a time (2026-01-31T12:00:00Z) nor a duration (10m)")
    })?;
    Ok(Timestamp::now().checked_sub(duration)?)
}
