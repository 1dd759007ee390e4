//! podman-system-reset(1)

use anyhow::Result;
use clap::Args;

use crate::cli::prune::confirmed;
use crate::cli::{Globals, Verb};
use crate::engine::{Context, system};

#[derive(Args, Debug)]
pub struct Reset {
    /// Do not prompt for confirmation
    #[arg(short, long)]
    force: bool,
}

impl Verb for Reset {
    const NAME: &'static str = "reset";
    const ABOUT: &'static str = "Reset rpod storage";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let (root, runroot) = (ctx.store.root.display(), ctx.store.runroot.display());
        let warning = format!(
            "WARNING! This will remove:\n        - all containers\n        - all pods\n        - all images\n        - all networks\n        - all build cache\n        - all machines\n        - all volumes\n        - the graphRoot directory: \"{root}\"\n        - the runRoot directory: \"{runroot}\""
        );
        if !self.force && !confirmed(&warning)? {
            return Ok(0);
        }
        for left in system::reset::reset(&ctx)? {
            eprintln!("{}: not made by rpod, left as it is", left.display());
        }
        Ok(0)
    }
}
