//! podman-system-renumber(1)

use anyhow::Result;
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::{Context, event};

/// rpod's locks are the kernel's, on directories: they have no numbers, and there is no limit to them. So only the event is left.
#[derive(Args, Debug)]
pub struct Renumber {}

impl Verb for Renumber {
    const NAME: &'static str = "renumber";
    const ABOUT: &'static str = "Migrate lock numbers: rpod's locks have none, so nothing is done";

    fn call(self, globals: &Globals) -> Result<u8> {
        event::system(&Context::new(globals)?, "renumber");
        Ok(0)
    }
}
