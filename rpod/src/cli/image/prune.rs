//! podman-image-prune(1)

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::prune::confirmed;
use crate::cli::verb::Refused;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image;

#[derive(Args, Debug)]
pub struct Prune {
    /// Remove all images not in use by containers, not just dangling ones
    #[arg(short, long)]
    all: bool,
    /// Remove images even when they are used by external containers: rpod's store has none
    #[arg(long)]
    external: bool,
    /// Provide filter values (label=KEY[=VALUE], label!=…, until=TIME)
    #[arg(long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Do not prompt for confirmation
    #[arg(short, long)]
    force: bool,
}

impl Verb for Prune {
    const NAME: &'static str = "prune";
    const ABOUT: &'static str = "Remove unused images";
    const REFUSED: &'static [Refused] = &[("build-cache", "rpod keeps no build cache")];

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.all && self.external {
            bail!("--external and --all cannot be set together");
        }
        let warning = if self.all {
            "WARNING! This command removes all images without at least one container associated with them."
        } else {
            "WARNING! This command removes all dangling images."
        };
        if !self.force && !confirmed(warning)? {
            return Ok(0);
        }
        let ctx = Context::new(globals)?;
        for id in image::prune(&ctx, self.all, &self.filter)? {
            println!("{id}");
        }
        Ok(0)
    }
}
