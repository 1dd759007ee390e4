//! `rpod init`: podman-init(1).

use anyhow::{Result, bail};
use clap::Args;

use super::selection::Selection;
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::start;
use crate::engine::container::status::Status;

#[derive(Args, Debug)]
pub struct Init {
    /// Initialize all containers
    #[arg(short, long)]
    all: bool,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// Names or IDs of containers
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
}

impl Verb for Init {
    const NAME: &'static str = "init";
    const ABOUT: &'static str = "Initialize one or more containers";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let all = self.all;
        let selection = Selection {
            all,
            latest: self.latest,
            names: self.names,
            ..Selection::default()
        };
        selection.each(&ctx, |container| match ctx.store.status(&container.id)? {
            Status::Created | Status::Exited(_) => start::initialize(&ctx, container),
            _ if all => Ok(()),
            status => bail!(
                "container {} has already been created in runtime: container state improper: it is {}",
                container.id,
                status.word()
            ),
        })
    }
}
