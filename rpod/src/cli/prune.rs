//! `rpod container prune`: podman-container-prune(1).

use std::io::{BufRead as _, Write as _};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::{Globals, Verb, tell_each};
use crate::engine::Context;
use crate::engine::container::filter::Filter;
use crate::engine::container::{prune, remove};

#[derive(Args, Debug)]
pub struct Prune {
    /// Provide filter values (label=KEY[=VALUE], label!=…, until=TIME)
    #[arg(long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Do not prompt for confirmation
    #[arg(short, long)]
    force: bool,
}

impl Verb for Prune {
    const NAME: &'static str = "prune";
    const ABOUT: &'static str = "Remove all non running containers";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let filters = Filter::parse_for_prune(&ctx, &self.filter)?;
        if !self.force && !confirmed("WARNING! This will remove all non running containers.")? {
            return Ok(0);
        }
        remove::sweep(&ctx)?;
        Ok(tell_each(prune::prune(&ctx, &filters)?, |pruned| {
            pruned.result.map(|()| pruned.id)
        }))
    }
}

/// Asks the person; what is not yes is no.
pub(super) fn confirmed(warning: &str) -> Result<bool> {
    print!("{warning}\nAre you sure you want to continue? [y/N] ");
    std::io::stdout()
        .flush()
        .context("writing to standard output")?;
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .context("reading the answer")?;
    if !answer.ends_with('\n') {
        bail!("EOF: nobody answers on standard input: use --force");
    }
    Ok(answer.trim().to_ascii_lowercase().starts_with('y'))
}
