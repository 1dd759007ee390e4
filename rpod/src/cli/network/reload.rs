//! `rpod network reload`: podman-network-reload(1).

use anyhow::Result;
use clap::Args;

use crate::cli::selection::Selection;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::network::connection;

#[derive(Args, Debug)]
pub struct Reload {
    /// Reload the networks of all running containers
    #[arg(short, long)]
    all: bool,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// Names or IDs of containers
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
}

impl Verb for Reload {
    const NAME: &'static str = "reload";
    const ABOUT: &'static str = "Reload container networks";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let selection = Selection {
            running: self.all,
            all: self.all,
            latest: self.latest,
            names: self.names,
            ..Selection::default()
        };
        let mut code = 0;
        for chosen in selection.choose(&ctx)? {
            let reloaded = match ctx.store.status(&chosen.container.id)?.is_running() {
                true => connection::reload(&ctx, &chosen.container.id),
                false => Err(anyhow::anyhow!(
                    "cannot reload the network of container {}, which does not run: container state improper",
                    chosen.container.name
                )),
            };
            match reloaded {
                Ok(()) => println!("{}", chosen.container.id),
                Err(error) => code = crate::cli::tell(&error),
            }
        }
        Ok(code)
    }
}
