//! `rpod stop`: podman-stop(1).

use anyhow::Result;
use clap::Args;

use super::selection::Selection;
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::stop;

#[derive(Args, Debug)]
pub struct Stop {
    /// Seconds to wait for stop before killing the container
    #[arg(short, long, value_name = "SECONDS")]
    time: Option<u64>,
    #[command(flatten)]
    selection: Selection,
}

impl Verb for Stop {
    const NAME: &'static str = "stop";
    const ABOUT: &'static str = "Stop one or more containers";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        self.selection.each(&ctx, |container| {
            stop::stop(&ctx, container, self.time.unwrap_or(container.stop_timeout)).map(drop)
        })
    }
}
