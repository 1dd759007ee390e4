//! `rpod container exists`: podman-container-exists(1).

use anyhow::Result;
use clap::Args;

use super::selection::is_missing;
use super::{Globals, Verb};
use crate::engine::Context;
use crate::store::Noun;

#[derive(Args, Debug)]
pub struct Exists {
    /// Check external storage containers as well: rpod's store has none but its own
    #[arg(long)]
    external: bool,
    /// Name or ID of the container
    #[arg(value_name = "CONTAINER")]
    name: String,
}

impl Verb for Exists {
    const NAME: &'static str = "exists";
    const ABOUT: &'static str = "Check if a container exists in local storage";

    fn call(self, globals: &Globals) -> Result<u8> {
        match Context::new(globals)?
            .store
            .find(Noun::Container, &self.name)
        {
            Ok(_) => Ok(0),
            Err(error) if is_missing(&error) => Ok(1),
            Err(error) => Err(error),
        }
    }
}
