//! `rpod update`: podman-update(1).

use anyhow::{Result, bail};
use clap::Args;

use super::options::{HealthOptions, LimitOptions};
use super::selection::{at_most_one, one};
use super::{Globals, Verb};
use crate::bundle;
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::container::{restart, update};

#[derive(Args, Debug)]
pub struct Update {
    /// Add or change an environment variable of the next start
    #[arg(short, long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// Restart policy to apply when the container exits
    #[arg(long, value_name = "POLICY")]
    restart: Option<String>,
    /// Ulimit options of the next start
    #[arg(long, value_name = "NAME=SOFT[:HARD]", value_delimiter = ',')]
    ulimit: Vec<String>,
    /// Unset an environment variable of the next start
    #[arg(long, value_name = "NAME")]
    unsetenv: Vec<String>,
    #[command(flatten)]
    health: HealthOptions,
    #[command(flatten)]
    limits: LimitOptions,
    /// Name or ID of the container
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
}

impl Verb for Update {
    const NAME: &'static str = "update";
    const ABOUT: &'static str = "Update an existing container";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let name = at_most_one("update", &self.names)?;
        let container = one(&ctx, "update", name, self.latest)?;
        update::update(&ctx, &container, |container| self.change(container))?;
        println!("{}", container.id);
        Ok(0)
    }
}

impl Update {
    fn change(&self, container: &mut Container) -> Result<()> {
        self.limits.apply(&mut container.resources)?;
        self.health.refuse_without_check(&container.health)?;
        self.health.change(&mut container.health)?;
        if let Some(policy) = &self.restart {
            container.restart = restart::parse(policy, "")?;
            if container.remove && !container.restart.policy.is_empty() {
                bail!(
                    "container {} goes when it ends (--rm), so nothing of it could be restarted",
                    container.id
                );
            }
        }
        for text in &self.ulimit {
            let limit = bundle::parse_ulimit(text)?;
            container
                .resources
                .ulimits
                .retain(|old| old.name != limit.name && limit.name != bundle::HOST_ULIMITS);
            container.resources.ulimits.push(limit);
        }
        let is_of = |variable: &String, name: &str| variable.split('=').next() == Some(name);
        let process = &mut container.process;
        for text in &self.env {
            let name = text.split('=').next().unwrap_or_default();
            process.env.retain(|variable| !is_of(variable, name));
            process.unset_env.retain(|unset| unset != name);
            process.env.push(text.clone());
        }
        for name in &self.unsetenv {
            process.env.retain(|variable| !is_of(variable, name));
            process.unset_env.push(name.clone());
        }
        Ok(())
    }
}
