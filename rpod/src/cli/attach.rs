//! `rpod attach`: podman-attach(1).

use anyhow::{Result, bail};
use clap::Args;

use super::connection::{self, Connection};
use super::selection::{at_most_one, one};
use super::{Globals, Verb};
use crate::engine::{Context, event};
use crate::monitor::attach::Attached;

#[derive(Args, Debug)]
pub struct Attach {
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// Do not attach STDIN
    #[arg(long)]
    no_stdin: bool,
    #[command(flatten)]
    connection: Connection,
    /// Name or ID of the container
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
}

impl Verb for Attach {
    const NAME: &'static str = "attach";
    const ABOUT: &'static str = "Attach to a running container";
    const OUTLIVES_READERS: bool = true;

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let name = at_most_one("attach", &self.names)?;
        let container = one(&ctx, "attach", name, self.latest)?;
        if !ctx.store.status(&container.id)?.is_running() {
            bail!("you can only attach to running containers");
        }
        let mut streams = self.connection.streams(&ctx, &container)?;
        streams.stdin &= !self.no_stdin;
        let attached = Attached::connect(&container.home(&ctx), &streams)?;
        event::container(&ctx, "attach", &container);
        connection::follow(&ctx, &container, Some(attached), streams)
    }
}
