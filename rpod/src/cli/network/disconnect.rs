//! `rpod network disconnect`: podman-network-disconnect(1).

use anyhow::Result;
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::network::change;
use crate::engine::{Context, container};

#[derive(Args, Debug)]
pub struct Disconnect {
    /// Ignore a container that does not exist
    #[arg(short, long)]
    force: bool,
    /// Name or ID of a network
    network: String,
    /// Name or ID of a container
    container: String,
}

impl Verb for Disconnect {
    const NAME: &'static str = "disconnect";
    const ABOUT: &'static str = "Disconnect a container from a network";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        match container::find(&ctx, &self.container) {
            Ok(container) => change::disconnect(&ctx, &self.network, &container.id)?,
            Err(_) if self.force => {}
            Err(error) => return Err(error),
        }
        Ok(0)
    }
}
