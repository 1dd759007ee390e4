//! `rpod restart`: podman-restart(1).

use anyhow::Result;
use clap::Args;

use super::selection::Selection;
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::start;

#[derive(Args, Debug)]
pub struct Restart {
    /// Filter output based on conditions given
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Restart only running containers
    #[arg(long)]
    running: bool,
    /// Seconds to wait for stop before killing the container: -1 to wait for ever
    #[arg(
        short,
        long,
        alias = "timeout",
        value_name = "SECONDS",
        allow_hyphen_values = true
    )]
    time: Option<i64>,
    #[command(flatten)]
    selection: Selection,
}

impl Verb for Restart {
    const NAME: &'static str = "restart";
    const ABOUT: &'static str = "Restart one or more containers";

    fn call(mut self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        self.selection.filter = self.filter;
        self.selection.running = self.running;
        let timeout = super::stop::seconds(self.time);
        self.selection.each(&ctx, |container| {
            start::restart(&ctx, container, timeout.unwrap_or(container.stop_timeout))
        })
    }
}
