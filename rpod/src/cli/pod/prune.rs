//! `rpod pod prune`: podman-pod-prune(1).

use anyhow::Result;
use clap::Args;

use crate::cli::prune::confirmed;
use crate::cli::{Globals, Verb, tell};
use crate::engine::Context;
use crate::engine::pod::{self, remove, status};

#[derive(Args, Debug)]
pub struct Prune {
    /// Do not prompt for confirmation
    #[arg(short, long)]
    force: bool,
}

impl Verb for Prune {
    const NAME: &'static str = "prune";
    const ABOUT: &'static str = "Remove all stopped pods and their containers";

    fn call(self, globals: &Globals) -> Result<u8> {
        if !self.force && !confirmed("WARNING! This will remove all stopped/exited pods..")? {
            return Ok(0);
        }
        let ctx = Context::new(globals)?;
        remove::sweep(&ctx)?;
        let mut code = 0;
        for pod in pod::all(&ctx)? {
            if !matches!(status::word(&status::of(&ctx, &pod)?), "Stopped" | "Exited") {
                continue;
            }
            match remove::remove(&ctx, &pod, false, None) {
                Ok(()) => println!("{}", pod.id),
                Err(error) => code = tell(&error),
            }
        }
        Ok(code)
    }
}
