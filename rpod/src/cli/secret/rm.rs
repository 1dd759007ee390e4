//! `rpod secret rm`: podman-secret-rm(1).

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::secret::{self, FindError};
use crate::store::readable::Damaged;

#[derive(Args, Debug)]
pub struct Rm {
    /// Remove all secrets
    #[arg(short, long)]
    all: bool,
    /// Ignore errors when a specified secret is missing
    #[arg(short, long)]
    ignore: bool,
    /// Names or IDs of secrets
    #[arg(value_name = "SECRET")]
    secrets: Vec<String>,
}

impl Verb for Rm {
    const NAME: &'static str = "rm";
    const ALIASES: &'static [&'static str] = &["remove"];
    const ABOUT: &'static str = "Remove one or more secrets";

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.all != self.secrets.is_empty() {
            bail!("`rpod secret rm` requires one argument, or the --all flag");
        }
        let ctx = Context::new(globals)?;
        let names = match self.all {
            true => secret::all(&ctx)?.into_iter().map(|one| one.id).collect(),
            false => self.secrets,
        };
        let mut code = 0;
        for name in names {
            match remove(&ctx, &name) {
                Ok(id) => println!("{id}"),
                Err(error)
                    if self.ignore && matches!(error.downcast_ref(), Some(FindError::None(_))) => {}
                Err(error) => code = crate::cli::tell(&error),
            }
        }
        Ok(code)
    }
}

fn remove(ctx: &Context, name: &str) -> Result<String> {
    match secret::find(ctx, name) {
        Err(error) if error.is::<Damaged>() => {
            secret::remove_damaged(ctx, name)?;
            Ok(name.to_owned())
        }
        found => {
            let found = found?;
            secret::remove(ctx, &found)?;
            Ok(found.id)
        }
    }
}
