//! `rpod volume inspect`: podman-volume-inspect(1).

use anyhow::{Result, anyhow, bail};
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::volume::{self, VolumeError, inspect};
use crate::output;

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
                names.map(|name| volume::find(&ctx, name)).collect()
            }
            (true, false) => bail!("no arguments are needed with --all"),
            (false, true) => bail!("provide at least one volume name, or --all"),
        };
        let volumes: Vec<Result<volume::Volume>> = volumes;
        let (mut found, mut code) = (Vec::new(), 0);
        for volume in volumes {
            match volume.and_then(|volume| inspect::inspect(&ctx, &volume)) {
                Ok(value) => found.push(value),
                Err(error) => code = crate::cli::tell(&inspecting(error)),
            }
        }
        output::inspected_with("volume inspect", &found, &self.format, inspect::omitted)?;
        Ok(code)
    }
}

fn inspecting(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref() {
        Some(VolumeError::NotFound(missing)) => {
            anyhow!(
                "inspecting object: no such volume {}{missing}",
                missing.name
            )
        }
        _ => error.context("inspecting object"),
    }
}
