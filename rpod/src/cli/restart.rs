//! `rpod restart`: podman-restart(1).

use anyhow::Result;
use clap::Args;

use super::selection::Selection;
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::{start, stop};

#[derive(Args, Debug)]
pub struct Restart {
    /// Restart only running containers
    #[arg(long)]
    running: bool,
    /// Seconds to wait for stop before killing the container
    #[arg(short, long, value_name = "SECONDS")]
    time: Option<u64>,
    #[command(flatten)]
    selection: Selection,
}

impl Verb for Restart {
    const NAME: &'static str = "restart";
    const ABOUT: &'static str = "Restart one or more containers";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        self.selection.each(&ctx, |container| {
            if self.running && !ctx.store.status(&container.id)?.is_running() {
                return Ok(());
            }
            stop::stop(&ctx, container, self.time.unwrap_or(container.stop_timeout))?;
            start::start(&ctx, container, None).map(drop)
        })
    }
}
