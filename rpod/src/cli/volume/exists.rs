//! `rpod volume exists`: podman-volume-exists(1).

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::volume::{self, VolumeError};

#[derive(Args, Debug)]
pub struct Exists {
    /// Name of a volume
    volume: String,
}

impl Verb for Exists {
    const NAME: &'static str = "exists";
    const ABOUT: &'static str = "Check if volume exists";

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.volume.is_empty() {
            bail!("name or ID cannot be empty");
        }
        match volume::get(&Context::new(globals)?, &self.volume) {
            Ok(_) => Ok(0),
            Err(error) if matches!(error.downcast_ref(), Some(VolumeError::NotFound(_))) => Ok(1),
            Err(error) => Err(error),
        }
    }
}
