//! `rpod pod restart`: podman-pod-restart(1).

use anyhow::Result;
use clap::Args;

use super::selection::{Selection, each};
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::pod::{start, stop};

#[derive(Args, Debug)]
pub struct Restart {
    #[command(flatten)]
    selection: Selection,
}

impl Verb for Restart {
    const NAME: &'static str = "restart";
    const ABOUT: &'static str = "Restart one or more pods";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let pods = self.selection.find(&ctx, false)?;
        each(&pods, "restarting", |pod| {
            let failures = stop::stop(&ctx, pod, None)?;
            if failures.is_empty() {
                start::start(&ctx, pod)
            } else {
                Ok(failures)
            }
        })
    }
}
