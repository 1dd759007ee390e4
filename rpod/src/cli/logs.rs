//! `rpod logs`: podman-logs(1), and what `rpod pod logs` has in common with it.

use anyhow::{Result, bail};
use clap::Args;

use super::period::bound;
use super::selection::one;
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::container::{find, logs};
use crate::store::id;

#[derive(Args, Debug)]
pub struct Logs {
    #[command(flatten)]
    lines: LineOptions,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// Names or IDs of containers
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
}

impl Verb for Logs {
    const NAME: &'static str = "logs";
    const ABOUT: &'static str = "Fetch the logs of one or more containers";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let containers = match (self.latest, &self.containers[..]) {
            (false, []) => bail!("specify at least one container name or ID to log"),
            (true, []) => vec![one(&ctx, "logs", None, true)?],
            (true, _) => bail!("--latest and containers cannot be used together"),
            (false, names) => {
                let found = names.iter().map(|name| find(&ctx, name));
                found.collect::<Result<_>>()?
            }
        };
        self.lines.print(&ctx, containers)
    }
}

/// Which lines of a log are shown, and how.
#[derive(Args, Debug)]
pub(super) struct LineOptions {
    /// Output the containers with different colors in the log
    #[arg(long)]
    color: bool,
    /// Docker's option: podman's logs have no more details
    #[arg(long, hide = true)]
    details: bool,
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
    #[arg(long, value_name = "N", default_value_t = -1)]
    tail: i64,
    /// Output the timestamps in the log
    #[arg(short, long)]
    timestamps: bool,
}

impl LineOptions {
    pub(super) fn print(&self, ctx: &Context, containers: Vec<Container>) -> Result<u8> {
        let LineOptions { details: _, .. } = self;
        let options = logs::Options {
            since: bound(self.since.as_deref(), -1, |text| {
                format!("parsing --since {text:?}")
            })?,
            until: bound(self.until.as_deref(), 1, |text| {
                format!("parsing --until {text:?}")
            })?,
            tail: usize::try_from(self.tail).ok(),
            timestamps: self.timestamps,
            ..logs::Options::default()
        };
        let several = containers.len() > 1;
        let wanted: Vec<_> = containers
            .into_iter()
            .enumerate()
            .map(|(index, container)| {
                let mut options = options.clone();
                if self.names {
                    options.prefix = format!("{} ", container.name);
                } else if several {
                    options.prefix = format!("{} ", id::short(&container.id));
                }
                if self.color {
                    options.colour = Some(logs::COLOURS[index % logs::COLOURS.len()]);
                }
                (container, options)
            })
            .collect();
        logs::print(ctx, &wanted, self.follow)?;
        Ok(0)
    }
}
