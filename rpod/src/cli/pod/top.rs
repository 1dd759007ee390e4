//! `rpod pod top`: podman-pod-top(1).

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::selection::one;
use crate::cli::top::print;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::record::Namespace;
use crate::engine::container::top;
use crate::engine::pod::status;

#[derive(Args, Debug)]
pub struct Top {
    /// Act on the latest created pod
    #[arg(short, long)]
    latest: bool,
    /// List the descriptors that there are
    #[arg(long, hide = true)]
    list_descriptors: bool,
    /// POD [FORMAT-DESCRIPTORS|ARGS...]
    #[arg(
        trailing_var_arg = true,
        value_name = "POD [FORMAT-DESCRIPTORS|ARGS...]"
    )]
    words: Vec<String>,
}

impl Verb for Top {
    const NAME: &'static str = "top";
    const ABOUT: &'static str = "Display the running processes of containers in a pod";

    fn call(mut self, globals: &Globals) -> Result<u8> {
        if self.list_descriptors {
            top::descriptors().for_each(|name| println!("{name}"));
            return Ok(0);
        }
        if self.words.is_empty() && !self.latest {
            bail!("you must provide the name or id of a running pod");
        }
        let ctx = Context::new(globals)?;
        let name = (!self.latest && !self.words.is_empty()).then(|| self.words.remove(0));
        let pod = one(&ctx, "pod top", name.as_deref(), self.latest)
            .context("unable to look up requested container")?;
        let mut running = status::of(&ctx, &pod)?;
        running.retain(|member| member.status.is_running());
        if running.is_empty() {
            bail!("pod top can only be used on pods with at least one running container");
        }
        // Who lives in another's PID namespace is told with that one.
        let own = |namespace: &Namespace| !matches!(namespace, Namespace::Container(_));
        running.retain(|member| own(&member.container.namespaces.pid));
        let containers: Vec<_> = running.into_iter().map(|member| member.container).collect();
        print(&ctx, &containers, &self.words)?;
        Ok(0)
    }
}
