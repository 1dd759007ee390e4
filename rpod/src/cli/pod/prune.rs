//! `rpod pod prune`: podman-pod-prune(1).

use std::io::{BufRead as _, Write as _};

use anyhow::{Context as _, Result};
use clap::Args;

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
        if !self.force && !confirmed()? {
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

fn confirmed() -> Result<bool> {
    println!("WARNING! This will remove all stopped/exited pods..");
    print!("Are you sure you want to continue? [y/N] ");
    std::io::stdout().flush().context("asking")?;
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .context("reading the answer")?;
    Ok(answer.trim_start().starts_with(['y', 'Y']))
}
