//! `rpod pod pause` and `rpod pod unpause`: podman-pod-pause(1), podman-pod-unpause(1).

use anyhow::Result;
use clap::Args;

use super::selection::{Selection, each};
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::pod::{pause, status};

#[derive(Args, Debug)]
pub struct Pause {
    #[command(flatten)]
    selection: Selection,
}

impl Verb for Pause {
    const NAME: &'static str = "pause";
    const ABOUT: &'static str = "Pause one or more pods";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let pods = self.selection.find(&ctx, false)?;
        each(&pods, "pausing", |pod| pause::pause(&ctx, pod))
    }
}

#[derive(Args, Debug)]
pub struct Unpause {
    #[command(flatten)]
    selection: Selection,
}

impl Verb for Unpause {
    const NAME: &'static str = "unpause";
    const ABOUT: &'static str = "Unpause one or more pods";

    /// A pod of which nothing can be paused is passed over, as in podman.
    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let mut pods = self.selection.find(&ctx, false)?;
        let mut unlikely = Vec::new();
        for pod in &pods {
            let word = status::word(&status::of(&ctx, pod)?);
            if !matches!(word, "Paused" | "Degraded") {
                unlikely.push(pod.id.clone());
            }
        }
        pods.retain(|pod| !unlikely.contains(&pod.id));
        each(&pods, "unpausing", |pod| pause::unpause(&ctx, pod))
    }
}
