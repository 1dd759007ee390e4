//! `rpod restart`: podman-restart(1).

use anyhow::Result;
use clap::Args;

use super::selection::Selection;
use super::stop::Patience;
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
    #[command(flatten)]
    patience: Patience,
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
        let timeout = self.patience.seconds();
        self.selection.each(&ctx, |container| {
            start::restart(&ctx, container, timeout.unwrap_or(container.stop_timeout))
        })
    }
}
