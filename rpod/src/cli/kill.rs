//! `rpod kill`: podman-kill(1).

use anyhow::Result;
use clap::Args;

use super::selection::Selection;
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::stop;

#[derive(Args, Debug)]
pub struct Kill {
    /// Signal to send to the container
    #[arg(short, long, value_name = "SIGNAL", default_value = "KILL")]
    signal: String,
    #[command(flatten)]
    selection: Selection,
}

impl Verb for Kill {
    const NAME: &'static str = "kill";
    const ABOUT: &'static str = "Kill one or more running containers with a specific signal";

    fn call(mut self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let number = stop::signal_number(&self.signal)?;
        self.selection.running = self.selection.all;
        self.selection
            .each(&ctx, |container| stop::kill(&ctx, container, number))
    }
}
