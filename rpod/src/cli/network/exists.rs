//! `rpod network exists`: podman-network-exists(1).

use anyhow::Result;
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::network::{self, NetworkError};

#[derive(Args, Debug)]
pub struct Exists {
    /// Name or ID of a network
    network: String,
}

impl Verb for Exists {
    const NAME: &'static str = "exists";
    const ABOUT: &'static str = "Check if network exists";

    fn call(self, globals: &Globals) -> Result<u8> {
        match network::find(&Context::new(globals)?, &self.network) {
            Ok(_) => Ok(0),
            Err(error) if matches!(error.downcast_ref(), Some(NetworkError::NotFound(_))) => Ok(1),
            Err(error) => Err(error),
        }
    }
}
