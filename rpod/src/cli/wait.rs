//! `rpod wait`: podman-wait(1).

use anyhow::{Result, bail};
use clap::Args;

use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::{find, status::Status, wait};

#[derive(Args, Debug)]
pub struct Wait {
    /// Ignore if a specified container does not exist
    #[arg(long)]
    ignore: bool,
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
}

impl Verb for Wait {
    const NAME: &'static str = "wait";
    const ABOUT: &'static str = "Block on one or more containers";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        if self.names.is_empty() {
            bail!("you must provide at least one name or id");
        }
        for name in &self.names {
            let container = match find(&ctx, name) {
                Err(_) if self.ignore => {
                    println!("-1");
                    continue;
                }
                found => found?,
            };
            // One that never ran has nothing to wait for.
            let code = match ctx.store.status(&container.id)? {
                Status::Created => 0,
                _ => wait::wait(&ctx, &container.id)?,
            };
            println!("{code}");
        }
        Ok(0)
    }
}
