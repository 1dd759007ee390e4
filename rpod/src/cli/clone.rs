//! `rpod container clone`: podman-container-clone(1).

use anyhow::{Result, bail};
use clap::Args;

use super::options::LimitOptions;
use super::{Globals, Verb};
use crate::engine::container::clone::{self, Asked};
use crate::engine::container::{find, start};
use crate::engine::{Context, image};

#[derive(Args, Debug)]
pub struct Clone {
    /// Destroy the original container once the clone has been made
    #[arg(long)]
    destroy: bool,
    /// Destroy the original even if it is running: only with --destroy
    #[arg(short, long)]
    force: bool,
    /// Set the name of the clone
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Run the clone in an existing pod
    #[arg(long, value_name = "POD")]
    pod: Option<String>,
    /// Start the clone
    #[arg(long)]
    run: bool,
    #[command(flatten)]
    limits: LimitOptions,
    /// CONTAINER [NAME [IMAGE]]
    #[arg(required = true, num_args = 1..=3, value_name = "CONTAINER [NAME [IMAGE]]")]
    words: Vec<String>,
}

impl Verb for Clone {
    const NAME: &'static str = "clone";
    const ABOUT: &'static str = "Clone an existing container";

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.force && !self.destroy {
            bail!("cannot set --force without --destroy: invalid argument");
        }
        let ctx = Context::new(globals)?;
        let old = find(&ctx, &self.words[0])?;
        let named = self.words.get(1).cloned();
        if named.is_some() && self.name.is_some() {
            bail!("cannot set both the NAME argument and --name: invalid argument");
        }
        let image = self.words.get(2).map(|name| image::find(&ctx, name));
        let asked = Asked {
            name: named.or_else(|| self.name.clone()),
            image: image.transpose()?,
            pod: self.pod.clone(),
            destroy: self.destroy,
            force: self.force,
        };
        let copy = clone::clone(&ctx, &old, &asked, |copy| {
            self.limits.apply(&mut copy.resources)
        })?;
        if self.run {
            start::start(&ctx, &copy, None)?;
        }
        println!("{}", copy.id);
        Ok(0)
    }
}
