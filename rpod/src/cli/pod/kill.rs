//! `rpod pod kill`: podman-pod-kill(1).

use anyhow::Result;
use clap::Args;

use super::selection::{Selection, each};
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::stop::signal_number;
use crate::engine::pod::stop;

#[derive(Args, Debug)]
pub struct Kill {
    /// Signal to send to the containers in the pod
    #[arg(short, long, value_name = "SIGNAL", default_value = "KILL")]
    signal: String,
    #[command(flatten)]
    selection: Selection,
}

impl Verb for Kill {
    const NAME: &'static str = "kill";
    const ABOUT: &'static str = "Send the specified signal or SIGKILL to containers in pod";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let signal = signal_number(&self.signal)?;
        let pods = self.selection.find(&ctx, false)?;
        each(&pods, "killing", |pod| stop::kill(&ctx, pod, signal))
    }
}
