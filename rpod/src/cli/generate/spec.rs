//! `rpod generate spec`: podman-generate-spec(1).

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::cli::{Globals, Verb};
use crate::engine::{Context, container, pod, spec};
use crate::output::pretty;

#[derive(Args, Debug)]
pub struct Spec {
    /// Print the JSON in one line
    #[arg(short, long)]
    compact: bool,
    /// Write to this file, and print its name
    #[arg(short, long, value_name = "FILE")]
    filename: Option<PathBuf>,
    /// Give the spec a new name, so that it makes another container or pod
    #[arg(short, long, default_value = "true")]
    name: bool,
    /// Name or ID of a container or a pod
    #[arg(value_name = "CONTAINER|POD")]
    target: String,
}

impl Verb for Spec {
    const NAME: &'static str = "spec";
    const ABOUT: &'static str = "Generate Specgen JSON based on containers or pods";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let spec = self.spec(&ctx)?;
        let text = match self.compact {
            true => spec.to_string(),
            false => pretty(&spec, 1),
        };
        match &self.filename {
            None => println!("{text}"),
            Some(path) => {
                fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
                println!("{}", path.display());
            }
        }
        Ok(0)
    }
}

impl Spec {
    fn spec(&self, ctx: &Context) -> Result<Value> {
        let named = |name: &str| match self.name {
            true => ctx.store.clone_name(name),
            false => Ok(name.to_owned()),
        };
        if let Ok(found) = container::find(ctx, &self.target) {
            return spec::of_container(&found, &named(&found.name)?);
        }
        match pod::find(ctx, &self.target) {
            Ok(found) => spec::of_pod(ctx, &found, &named(&found.name)?),
            Err(_) => bail!(
                "could not find a pod or container with the id {}",
                self.target
            ),
        }
    }
}
