//! `rpod volume prune`: podman-volume-prune(1).

use anyhow::Result;
use clap::Args;

use crate::cli::prune::confirmed;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::volume::{filter::Filter, remove};

#[derive(Args, Debug)]
pub struct Prune {
    /// Provide filter values (label, label!, until, anonymous, …)
    #[arg(long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Do not prompt for confirmation
    #[arg(short, long)]
    force: bool,
}

impl Verb for Prune {
    const NAME: &'static str = "prune";
    const ABOUT: &'static str = "Remove all unused volumes";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let filter = Filter::parse(&ctx, &self.filter)?;
        let volumes = filter.apply(&ctx, remove::unused(&ctx)?)?;
        if !self.force {
            let list: String = volumes.iter().map(|v| format!("\n{}", v.name)).collect();
            if volumes.is_empty() {
                println!("No dangling volumes found");
                return Ok(0);
            }
            let warning = format!(
                "WARNING! This will remove all volumes not used by at least one container. The following volumes will be removed:{list}"
            );
            if !confirmed(&warning)? {
                return Ok(0);
            }
        }
        let mut code = 0;
        for volume in volumes {
            match remove::remove(&ctx, &volume, false, None) {
                Ok(()) => println!("{}", volume.name),
                Err(error) => code = crate::cli::tell(&error),
            }
        }
        Ok(code)
    }
}
