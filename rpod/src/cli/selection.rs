//! Commands on several containers: which ones, and how their errors are told.

use anyhow::{Result, bail};
use clap::Args;

use super::ExitStatus;
use crate::engine::Context;
use crate::engine::container::{self, record::Container};

#[derive(Args, Debug)]
pub struct Selection {
    /// Act on all containers
    #[arg(short, long)]
    pub all: bool,
    /// Ignore errors when a specified container is missing
    #[arg(short, long)]
    pub ignore: bool,
    /// Act on the latest container
    #[arg(short, long)]
    pub latest: bool,
    #[arg(value_name = "CONTAINER")]
    pub names: Vec<String>,
}

impl Selection {
    /// Does it to each and prints the name as it was typed. Every error is printed; the last one's code is rpod's.
    pub fn each(&self, ctx: &Context, act: impl Fn(&Container) -> Result<()>) -> Result<u8> {
        self.each_or(ctx, super::ENGINE_ERROR, act)
    }

    /// The same, with another exit code when a container does not exist.
    pub fn each_or(
        &self,
        ctx: &Context,
        missing: u8,
        act: impl Fn(&Container) -> Result<()>,
    ) -> Result<u8> {
        let mut code = 0;
        for (typed, found) in self.containers(ctx)? {
            let result = match found {
                Err(_) if self.ignore => continue,
                Err(error) => Err(with_code(missing, error)),
                Ok(container) => act(&container),
            };
            match result {
                Ok(()) => println!("{typed}"),
                Err(error) => {
                    code = super::tell(&error);
                }
            }
        }
        Ok(code)
    }

    fn containers(&self, ctx: &Context) -> Result<Vec<(String, Result<Container>)>> {
        if self.all || self.latest {
            if !self.names.is_empty() {
                bail!("no arguments are needed with --all or --latest");
            }
            let all = container::all(ctx)?;
            let count = if self.latest { 1 } else { all.len() };
            return Ok(all
                .into_iter()
                .rev()
                .take(count)
                .map(|container| (container.id.clone(), Ok(container)))
                .collect());
        }
        if self.names.is_empty() {
            bail!("you must provide at least one name or id");
        }
        Ok(self
            .names
            .iter()
            .map(|name| (name.clone(), container::find(ctx, name)))
            .collect())
    }
}

/// An error with an exit code of its own.
pub fn with_code(code: u8, error: anyhow::Error) -> anyhow::Error {
    ExitStatus {
        code,
        message: format!("{error:#}"),
    }
    .into()
}
