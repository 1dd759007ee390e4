//! `rpod create`: podman-create(1).

use anyhow::Result;
use clap::Args;

use super::options::{ContainerOptions, REFUSED};
use super::{Globals, Refused, Verb};
use crate::engine::Context;

#[derive(Args, Debug)]
pub struct Create {
    /// Streams that the container is told to be attached by, as inspect shows it; attached is by start --attach
    #[arg(short, long, value_name = "STREAM", value_delimiter = ',')]
    attach: Vec<String>,
    #[command(flatten)]
    container: ContainerOptions,
    /// Run this container to its end before the others of its pod (always, once)
    #[arg(long, value_name = "TYPE")]
    init_ctr: Option<String>,
}

impl Verb for Create {
    const NAME: &'static str = "create";
    const ABOUT: &'static str = "Create but do not start a container";
    const REFUSED: &'static [Refused] = REFUSED;

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let container = self
            .container
            .with_init(&ctx, self.init_ctr.as_deref())?
            .attached_by(&self.attach)?
            .create(&ctx)?;
        println!("{}", container.id);
        Ok(0)
    }
}
