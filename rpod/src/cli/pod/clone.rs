//! `rpod pod clone`: podman-pod-clone(1).

use anyhow::{Result, bail};
use clap::Args;

use super::infra::InfraOptions;
use super::selection::each;
use crate::cli::options::{UserNamespaceOptions, choose_ids};
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::pod::{clone, find, remove, start};

#[derive(Args, Debug)]
pub struct Clone {
    /// Destroy the original pod
    #[arg(long)]
    destroy: bool,
    /// Name of the new pod
    #[arg(short, long, value_name = "NAME")]
    name: Option<String>,
    /// Start the new pod
    #[arg(long)]
    start: bool,
    #[command(flatten)]
    of_infra: InfraOptions,
    #[command(flatten)]
    users: UserNamespaceOptions,
    /// POD [NAME]
    #[arg(required = true, num_args = 1..=2, value_name = "POD [NAME]")]
    words: Vec<String>,
}

impl Verb for Clone {
    const NAME: &'static str = "clone";
    const ABOUT: &'static str = "Clone an existing pod";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let old = find(&ctx, &self.words[0])?;
        let name = match (self.name, self.words.into_iter().nth(1)) {
            (Some(_), Some(_)) => bail!("cannot specify --name and NAME at the same time"),
            (name, word) => name.or(word),
        };
        let (mut pod, mut infra) = clone::copy(&ctx, &old, name)?;
        self.of_infra.apply_pod(&mut pod)?;
        match &mut infra {
            Some(infra) => self.of_infra.apply_infra(&ctx, &pod, infra)?,
            None => self.of_infra.refuse_without_infra()?,
        }
        let mut _choosing = None;
        match (&mut infra, self.users.first()) {
            (_, None) => {}
            (None, Some(option)) => bail!("cannot specify {option} without an infra container"),
            (Some(infra), Some(_)) => {
                let auto = self.users.apply(&ctx, infra)?;
                _choosing = choose_ids(&ctx, auto.as_ref(), infra)?;
            }
        }
        let pod = clone::create(&ctx, &old, pod, infra)?;
        if self.destroy {
            remove::remove(&ctx, &old, true, None)?;
        }
        if self.start {
            return each(&[pod], "starting", |pod| start::start(&ctx, pod));
        }
        println!("{}", pod.id);
        Ok(0)
    }
}
