//! `rpod secret exists`: podman-secret-exists(1).

use anyhow::Result;
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::secret::{FindError, find};

#[derive(Args, Debug)]
pub struct Exists {
    /// Name or ID of the secret
    #[arg(value_name = "SECRET")]
    secret: String,
}

impl Verb for Exists {
    const NAME: &'static str = "exists";
    const ABOUT: &'static str = "Check if a secret exists in local storage";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        match find(&ctx, &self.secret) {
            Ok(_) => Ok(0),
            Err(error) if matches!(error.downcast_ref(), Some(FindError::None(_))) => Ok(1),
            Err(error) => Err(error),
        }
    }
}
