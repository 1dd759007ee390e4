//! `rpod rm`: podman-rm(1). Its exit codes: 1, a container did not exist; 2, one was running.

use anyhow::{Result, bail};
use clap::Args;

use super::selection::{Selection, with_code};
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::remove;

#[derive(Args, Debug)]
pub struct Rm {
    /// Force removal of a running container
    #[arg(short, long)]
    force: bool,
    /// Seconds to wait for stop before killing the container
    #[arg(short, long, value_name = "SECONDS")]
    time: Option<u64>,
    #[command(flatten)]
    selection: Selection,
}

impl Verb for Rm {
    const NAME: &'static str = "rm";
    const ABOUT: &'static str = "Remove one or more containers";

    fn call(mut self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        if self.selection.all {
            remove::sweep(&ctx)?;
        }
        // What is gone cannot be removed: to --force that is no error.
        self.selection.ignore |= self.force;
        self.selection.each_or(&ctx, 1, |container| {
            if container.infra {
                let pod = container.pod.as_deref().unwrap_or_default();
                bail!("container {} is the infra container of pod {pod} and cannot be removed without removing the pod", container.id);
            }
            let running = ctx.store.status(&container.id)?.is_running();
            remove::remove(&ctx, container, self.force, self.time).map_err(|error| if running && !self.force { with_code(2, error) } else { error })
        })
    }
}
