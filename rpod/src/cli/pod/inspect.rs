//! `rpod pod inspect`: podman-pod-inspect(1).

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::{Globals, Verb, first_of};
use crate::engine::Context;
use crate::engine::pod::{self, inspect};
use crate::output::inspected;
use crate::store::lookup::LookupError;

#[derive(Args, Debug)]
pub struct Inspect {
    /// Format the output to a Go template or json
    #[arg(short, long, default_value = "json")]
    format: String,
    /// Act on the latest created pod
    #[arg(short, long)]
    latest: bool,
    /// Names or IDs of pods
    #[arg(value_name = "POD")]
    pods: Vec<String>,
}

impl Verb for Inspect {
    const NAME: &'static str = "inspect";
    const ABOUT: &'static str = "Display configuration and state information about a given pod";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let mut names = self.pods;
        if self.latest {
            if !names.is_empty() {
                bail!("--latest and arguments cannot be used together");
            }
            names.extend(pod::all(&ctx)?.pop().map(|pod| pod.id));
        }
        if names.is_empty() {
            bail!("no names or ids specified");
        }
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for name in &names {
            match pod::find(&ctx, name) {
                Ok(pod) => found.push(inspect::inspect(&ctx, &pod)?),
                Err(error) => missing.push(not_found(name, error)),
            }
        }
        inspected("inspect", &found, &self.format)?;
        first_of(missing)
    }
}

/// What `inspect` has for it.
pub fn not_found(name: &str, error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref() {
        Some(LookupError::NoPod(_)) => anyhow::anyhow!("no such pod {name}"),
        _ => error,
    }
}
