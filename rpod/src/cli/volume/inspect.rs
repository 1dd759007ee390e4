//! `rpod volume inspect`: podman-volume-inspect(1).

use anyhow::{Result, anyhow, bail};
use clap::Args;

use crate::cli::{Globals, Verb, first_of};
use crate::engine::Context;
use crate::engine::volume::{self, Volume, VolumeError, inspect};
use crate::output;
use crate::store::readable::Damaged;

#[derive(Args, Debug)]
pub struct Inspect {
    /// Inspect all volumes
    #[arg(short, long)]
    all: bool,
    /// Format the output as json or by a Go template
    #[arg(short, long, default_value = "json")]
    format: String,
    /// Names of volumes
    #[arg(value_name = "VOLUME")]
    volumes: Vec<String>,
}

impl Verb for Inspect {
    const NAME: &'static str = "inspect";
    const ABOUT: &'static str = "Display detailed information on one or more volumes";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let volumes = match (self.all, self.volumes.is_empty()) {
            (true, true) => volume::all(&ctx)?.into_iter().map(Ok).collect(),
            (false, false) => {
                let names = self.volumes.iter();
                names
                    .map(|name| looked_up(&ctx, name))
                    .collect::<Result<_>>()?
            }
            _ => bail!("provide one or more volume names or use --all"),
        };
        let volumes: Vec<Result<Volume>> = volumes;
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for volume in volumes {
            match volume.and_then(|volume| inspect::inspect(&ctx, &volume)) {
                Ok(value) => found.push(value),
                Err(error) => missing.push(not_found(error)),
            }
        }
        output::inspected_with("inspect", &found, &self.format, inspect::omitted)?;
        first_of(missing)
    }
}

/// What is missing or damaged is told after the others are shown; anything else at once, and nothing is shown.
fn looked_up(ctx: &Context, name: &str) -> Result<Result<Volume>> {
    match volume::find(ctx, name) {
        Err(error) if !error.is::<VolumeError>() && !error.is::<Damaged>() => {
            Err(error.context(format!("inspecting volume {name}")))
        }
        found => Ok(found),
    }
}

/// What `inspect` has for it.
pub fn not_found(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref() {
        Some(VolumeError::NotFound(missing)) => {
            anyhow!("no such volume {}{missing}", missing.name)
        }
        _ => error,
    }
}
