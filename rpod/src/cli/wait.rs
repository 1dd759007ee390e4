//! `rpod wait`: podman-wait(1).

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::selection::{is_missing, one};
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::container::wait::{self, Condition};
use crate::engine::container::{find, status::Status};
use crate::output::{parse_go_duration, wrong_duration};

#[derive(Args, Debug)]
pub struct Wait {
    /// Condition to wait on (several: one of them)
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    condition: Vec<String>,
    /// Wait for the first container that matches, ignore the other ones
    #[arg(long)]
    exit_first_match: bool,
    /// Ignore if a specified container does not exist
    #[arg(long)]
    ignore: bool,
    /// Time to wait between two looks at conditions that no event tells
    #[arg(short, long, value_name = "DURATION", default_value = "250ms")]
    interval: String,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// Names or IDs of containers
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
}

impl Verb for Wait {
    const NAME: &'static str = "wait";
    const ABOUT: &'static str = "Block on one or more containers";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let interval = interval(&self.interval)?;
        let conditions = self
            .condition
            .iter()
            .map(|text| Condition::parse(text))
            .collect::<Result<Vec<_>>>()?;
        let containers = self.containers(&ctx)?;
        if self.exit_first_match {
            let ids: Vec<&str> = containers
                .iter()
                .flatten()
                .map(|container| container.id.as_str())
                .collect();
            println!("{}", wait::first(&ctx, &ids, &conditions, interval)?);
            return Ok(0);
        }
        for container in containers {
            let code = match container {
                None => -1,
                // One that never ran has nothing to wait for.
                Some(container) if conditions.is_empty() => {
                    match wait::settled(&ctx, &container.id)? {
                        Status::Created => 0,
                        _ => wait::wait(&ctx, &container.id)?,
                    }
                }
                Some(container) => wait::first(&ctx, &[&container.id], &conditions, interval)?,
            };
            println!("{code}");
        }
        Ok(0)
    }
}

impl Wait {
    /// The containers in their order; nothing for one that is missing and may be.
    fn containers(&self, ctx: &Context) -> Result<Vec<Option<Container>>> {
        if self.latest || self.names.is_empty() {
            return Ok(vec![Some(one(
                ctx,
                "wait",
                self.names.first().map(String::as_str),
                self.latest,
            )?)]);
        }
        let found = self
            .names
            .iter()
            .map(|name| match find(ctx, name.trim_start_matches('/')) {
                Err(error) if self.ignore && is_missing(&error) => Ok(None),
                found => found.map(Some),
            });
        found.collect()
    }
}

/// A Go duration, or a number of milliseconds.
fn interval(text: &str) -> Result<Duration> {
    let duration = parse_go_duration(text).or_else(|| parse_go_duration(&format!("{text}ms")));
    let duration = duration.with_context(|| wrong_duration(text))?;
    match Duration::try_from(duration) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => bail!("interval {text:?} is not longer than nothing"),
    }
}
