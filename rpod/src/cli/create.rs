//! `rpod create`: podman-create(1).

use anyhow::Result;
use clap::Args;

use super::options::{ContainerOptions, REFUSED};
use super::{Globals, Refused, Verb};
use crate::engine::Context;

#[derive(Args, Debug)]
pub struct Create {
    #[command(flatten)]
    container: ContainerOptions,
    /// Run this container to its end before the others of its pod (always, once)
    #[arg(long, value_name = "TYPE")]
    init_ctr: Option<String>,
}

impl Verb for Create {
    const NAME: &'static str = "create";
    const ABOUT: &'static str = "Create but do not start a container";
    const REFUSED: &'static [Refused] = &WITH_ATTACH;

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let container = self
            .container
            .with_init(&ctx, self.init_ctr.as_deref())?
            .create(&ctx)?;
        println!("{}", container.id);
        Ok(0)
    }
}

/// What `run` has and `create` has not, with what neither has.
const WITH_ATTACH: [Refused; REFUSED.len() + 1] = {
    let attach = (
        "attach",
        "nothing runs yet that could be attached to: say rpod start --attach",
    );
    let mut all = [attach; REFUSED.len() + 1];
    let mut at = 0;
    while at < REFUSED.len() {
        all[at + 1] = REFUSED[at];
        at += 1;
    }
    all
};
