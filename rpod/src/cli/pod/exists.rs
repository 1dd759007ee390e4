//! `rpod pod exists`: podman-pod-exists(1).

use anyhow::Result;
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::{Context, pod};
use crate::store::lookup::LookupError;

#[derive(Args, Debug)]
pub struct Exists {
    /// Name or ID of a pod
    pod: String,
}

impl Verb for Exists {
    const NAME: &'static str = "exists";
    const ABOUT: &'static str = "Check if a pod exists in local storage";

    fn call(self, globals: &Globals) -> Result<u8> {
        match pod::find(&Context::new(globals)?, &self.pod) {
            Ok(_) => Ok(0),
            Err(error) if matches!(error.downcast_ref(), Some(LookupError::NoPod(_))) => Ok(1),
            Err(error) => Err(error),
        }
    }
}
