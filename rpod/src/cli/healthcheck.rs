//! `rpod healthcheck`: podman-healthcheck(1).

use anyhow::{Context as _, Result};
use clap::Args;

use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::health::{self, Outcome, watch};
use crate::engine::container::{find, unit};

/// podman-healthcheck-run(1).
#[derive(Args, Debug)]
pub struct Run {
    /// Exit with code 0 regardless of the healthcheck result or if the container is still in startup period
    #[arg(long)]
    ignore_result: bool,
    /// Name or ID of the container
    #[arg(value_name = "CONTAINER")]
    container: String,
}

impl Verb for Run {
    const NAME: &'static str = "run";
    const ABOUT: &'static str = "Run the health check of a container";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let container = find(&ctx, &self.container).with_context(|| {
            format!(
                "unable to look up {} to perform a health check",
                self.container
            )
        })?;
        let outcome = health::check(&ctx, &container)?;
        if outcome == Outcome::Healthy {
            return Ok(0);
        }
        println!("{}", outcome.word());
        Ok(u8::from(!self.ignore_result))
    }
}

/// What `run` leaves behind in a unit that waits until its container is well.
#[derive(Args, Debug)]
pub struct Tell {
    /// Name or ID of the container
    #[arg(value_name = "CONTAINER")]
    container: String,
}

impl Verb for Tell {
    const NAME: &'static str = "tell";
    const ABOUT: &'static str = "Tell the unit when the container is healthy";
    const HIDDEN: bool = true;

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        unit::tell_healthy(&ctx, &find(&ctx, &self.container)?).map(|()| 0)
    }
}

/// What `start` leaves behind for a container with checks that no timer of systemd's makes.
#[derive(Args, Debug)]
pub struct Watch {
    /// Name or ID of the container
    #[arg(value_name = "CONTAINER")]
    container: String,
}

impl Verb for Watch {
    const NAME: &'static str = "watch";
    const ABOUT: &'static str = "Run the health checks of a container as long as it lives";
    const HIDDEN: bool = true;
    const OUTLIVES_READERS: bool = true;

    fn call(self, globals: &Globals) -> Result<u8> {
        watch::run(&Context::new(globals)?, &self.container).map(|()| 0)
    }
}
