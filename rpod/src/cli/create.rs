//! `rpod create`: podman-create(1).

use anyhow::Result;
use clap::Args;

use super::options::ContainerOptions;
use super::{Globals, Verb};
use crate::engine::Context;

#[derive(Args, Debug)]
pub struct Create {
    #[command(flatten)]
    container: ContainerOptions,
}

impl Verb for Create {
    const NAME: &'static str = "create";
    const ABOUT: &'static str = "Create but do not start a container";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        println!("{}", self.container.create(&ctx)?.id);
        Ok(0)
    }
}
