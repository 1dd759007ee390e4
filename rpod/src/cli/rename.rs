//! `rpod rename`: podman-rename(1).

use anyhow::Result;
use clap::Args;

use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::{find, rename};

#[derive(Args, Debug)]
pub struct Rename {
    /// Name or ID of the container
    #[arg(value_name = "CONTAINER")]
    container: String,
    /// The new name
    #[arg(value_name = "NAME")]
    name: String,
}

impl Verb for Rename {
    const NAME: &'static str = "rename";
    const ABOUT: &'static str = "Rename an existing container";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        rename::rename(&ctx, &find(&ctx, &self.container)?, &self.name)?;
        Ok(0)
    }
}
