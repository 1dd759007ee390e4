//! `rpod network inspect`: podman-network-inspect(1).

use anyhow::Result;
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::{Context, network};
use crate::output;

#[derive(Args, Debug)]
pub struct Inspect {
    /// Format the output as json or by a Go template
    #[arg(short, long, default_value = "json")]
    format: String,
    /// Names or IDs of networks
    #[arg(required = true, value_name = "NETWORK")]
    networks: Vec<String>,
}

impl Verb for Inspect {
    const NAME: &'static str = "inspect";
    const ABOUT: &'static str = "Inspect network";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let (mut found, mut code) = (Vec::new(), 0);
        for name in &self.networks {
            match network::find(&ctx, name).and_then(|one| network::inspect::network(&ctx, &one)) {
                Ok(value) => found.push(value),
                Err(error) => code = crate::cli::tell(&error),
            }
        }
        output::inspected("network inspect", &found, &self.format)?;
        Ok(code)
    }
}
