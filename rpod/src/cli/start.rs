//! `rpod start`: podman-start(1).

use anyhow::{Result, bail};
use clap::Args;

use super::connection::{self, Connection};
use super::selection::Selection;
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::{find, start};

#[derive(Args, Debug)]
pub struct Start {
    /// Attach container's STDOUT and STDERR
    #[arg(short, long)]
    attach: bool,
    /// Make STDIN available to the contained process
    #[arg(short, long)]
    interactive: bool,
    #[command(flatten)]
    connection: Connection,
    /// Start all containers regardless of their state or configuration
    #[arg(long)]
    all: bool,
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
}

impl Verb for Start {
    const NAME: &'static str = "start";
    const ABOUT: &'static str = "Start one or more containers";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        if !self.attach && !self.interactive {
            let selection = Selection {
                all: self.all,
                ignore: false,
                latest: false,
                names: self.names,
            };
            return selection.each(&ctx, |container| {
                start::start(&ctx, container, None).map(drop)
            });
        }
        let [name] = &self.names[..] else {
            bail!("you cannot start and attach multiple containers at once")
        };
        let container = find(&ctx, name)?;
        let mut streams = self.connection.streams(&ctx, &container)?;
        streams.stdin &= self.interactive;
        let attached = start::start(&ctx, &container, Some(&streams))?;
        connection::follow(&ctx, &container, attached, streams)
    }
}
