//! `rpod start`: podman-start(1).

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::connection::{self, Connection, streams_of};
use super::selection::{Selection, each, not_both};
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::container::{remove, start};

#[derive(Args, Debug)]
pub struct Start {
    /// Attach container's STDOUT and STDERR
    #[arg(short, long)]
    attach: bool,
    /// Start all containers regardless of their state or configuration
    #[arg(long)]
    all: bool,
    /// Filter output based on conditions given
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Make STDIN available to the contained process
    #[arg(short, long)]
    interactive: bool,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    #[command(flatten)]
    connection: Connection,
    /// Names or IDs of containers
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
}

impl Verb for Start {
    const NAME: &'static str = "start";
    const ABOUT: &'static str = "Start one or more containers";
    const OUTLIVES_READERS: bool = true;

    fn call(self, globals: &Globals) -> Result<u8> {
        self.check()?;
        let ctx = Context::new(globals)?;
        let selection = Selection {
            all: self.all,
            latest: self.latest,
            names: self.names,
            filter: self.filter,
            among_names: true,
            ..Selection::default()
        };
        let mut chosen = selection.choose(&ctx)?;
        if self.all {
            // Only those are named that this command started.
            let mut stopped = Vec::new();
            for one in chosen {
                if !ctx.store.status(&one.container.id)?.is_running() {
                    stopped.push(one);
                }
            }
            chosen = stopped;
        }
        if !self.attach {
            return each(chosen, |container| begin(&ctx, container));
        }
        let (Some(one), true) = (chosen.pop(), chosen.is_empty()) else {
            bail!("you cannot start and attach multiple containers at once")
        };
        let container = one.container;
        let mut streams = self.connection.streams(&ctx, &container)?;
        streams.stdin &= self.interactive;
        let attached = start::start(&ctx, &container, streams_of(&container, &streams))
            .with_context(|| format!("unable to start container {}", container.id));
        let attached = or_remove(&ctx, &container, attached)?;
        connection::follow(&ctx, &container, attached, streams)
    }
}

impl Start {
    fn check(&self) -> Result<()> {
        if self.names.is_empty() && !self.latest && !self.all && self.filter.is_empty() {
            bail!("start requires at least one argument");
        }
        if self.names.len() > 1 && self.attach {
            bail!("you cannot start and attach multiple containers at once");
        }
        not_both(self.all, self.latest)?;
        if self.all && !self.names.is_empty() {
            bail!("either start all containers or the container(s) provided in the arguments");
        }
        if self.all && self.attach {
            bail!("you cannot start and attach all containers at once");
        }
        if self.connection.proxies_by_request() && !self.attach {
            bail!("you cannot use sig-proxy without --attach: invalid argument");
        }
        Ok(())
    }
}

fn begin(ctx: &Context, container: &Container) -> Result<()> {
    let begun = start::start(ctx, container, None)
        .map(drop)
        .with_context(|| format!("unable to start container {:?}", container.id));
    or_remove(ctx, container, begun)
}

/// One that was made to run once goes when it cannot start.
fn or_remove<T>(ctx: &Context, container: &Container, begun: Result<T>) -> Result<T> {
    if begun.is_err() && container.remove {
        remove::remove(ctx, container, true, Some(0))?;
    }
    begun
}
