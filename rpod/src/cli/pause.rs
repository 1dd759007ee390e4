//! `rpod pause` and `rpod unpause`: podman-pause(1), podman-unpause(1).

use anyhow::Result;
use clap::Args;

use super::selection::Selection;
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::pause;

#[derive(Args, Debug)]
pub struct Pause {
    /// Filter output based on conditions given
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    #[command(flatten)]
    selection: Selection,
}

impl Verb for Pause {
    const NAME: &'static str = "pause";
    const ABOUT: &'static str = "Pause all the processes in one or more containers";

    fn call(mut self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        self.selection.filter = self.filter;
        self.selection.running = self.selection.all;
        self.selection
            .each(&ctx, |container| pause::pause(&ctx, container))
    }
}

#[derive(Args, Debug)]
pub struct Unpause {
    /// Filter output based on conditions given
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    #[command(flatten)]
    selection: Selection,
}

impl Verb for Unpause {
    const NAME: &'static str = "unpause";
    const ABOUT: &'static str = "Unpause the processes in one or more containers";

    fn call(mut self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        self.selection.filter = self.filter;
        self.selection.check()?;
        if self.selection.all {
            self.selection.filter.push("status=paused".to_owned());
        }
        self.selection
            .each(&ctx, |container| pause::unpause(&ctx, container))
    }
}
