//! `rpod network prune`: podman-network-prune(1).

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::prune::confirmed;
use crate::cli::{Globals, Verb, tell_each};
use crate::engine::Context;
use crate::engine::filter::split;
use crate::engine::network::{filter::Filter, remove};

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
    const ABOUT: &'static str = "Prune unused networks";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        for filter in &self.filter {
            let (key, _) = split(filter)?;
            if !["label", "label!", "until"].contains(&key) {
                bail!("invalid filter {key:?}: label and until are known");
            }
        }
        let filter = Filter::parse(&self.filter)?;
        if !self.force
            && !confirmed(
                "WARNING! This will remove all networks not used by at least one container.",
            )?
        {
            return Ok(0);
        }
        let networks = filter.apply(&ctx, remove::unused(&ctx)?)?;
        Ok(tell_each(networks, |network| {
            remove::remove(&ctx, &network, false, None)?;
            Ok(network.name)
        }))
    }
}
