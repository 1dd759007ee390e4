//! `rpod top`: podman-top(1), and what `rpod pod top` has in common with it.

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::container::{self, find, top};
use crate::output::align;

#[derive(Args, Debug)]
pub struct Top {
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// List the descriptors that there are
    #[arg(long, hide = true)]
    list_descriptors: bool,
    /// CONTAINER [FORMAT-DESCRIPTORS|ARGS...]
    #[arg(
        trailing_var_arg = true,
        value_name = "CONTAINER [FORMAT-DESCRIPTORS|ARGS...]"
    )]
    words: Vec<String>,
}

impl Verb for Top {
    const NAME: &'static str = "top";
    const ABOUT: &'static str = "Display the running processes of a container";

    fn call(mut self, globals: &Globals) -> Result<u8> {
        if self.list_descriptors {
            top::descriptors().for_each(|name| println!("{name}"));
            return Ok(0);
        }
        let ctx = Context::new(globals)?;
        let container = if self.latest {
            container::all(&ctx)?
                .pop()
                .context("no containers found: no such container")?
        } else if self.words.is_empty() {
            bail!("you must provide the name or id of a running container");
        } else {
            let name = self.words.remove(0);
            find(&ctx, &name).context("unable to look up requested container")?
        };
        print(&ctx, &[container], &self.words)?;
        Ok(0)
    }
}

/// The processes of all of them under one heading.
pub(super) fn print(ctx: &Context, containers: &[Container], words: &[String]) -> Result<()> {
    let mut all: Vec<String> = Vec::new();
    let Some(columns) = top::columns(words) else {
        for container in containers {
            let said = top::run_ps(ctx, container, words)?;
            let headed = usize::from(!all.is_empty());
            all.extend(said.into_iter().skip(headed));
        }
        println!("{}", all.join("\n"));
        return Ok(());
    };
    for container in containers {
        all.extend(top::lines(ctx, container, &columns)?);
    }
    print!(
        "{}",
        align(&format!("{}\n{}\n", top::heading(&columns), all.join("\n")))
    );
    Ok(())
}
