//! podman-image-scp(1)

use anyhow::Result;
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::scp::{self, Copying};
use crate::rootless::Needs;

#[derive(Args, Debug)]
pub struct Scp {
    /// Format of the archive that is passed on
    #[arg(long, value_parser = ["docker-archive", "oci-archive"])]
    format: Option<String>,
    /// Suppress the output
    #[arg(short, long)]
    quiet: bool,
    /// [HOST::]IMAGE or USER@localhost::IMAGE
    #[arg(value_name = "IMAGE")]
    source: String,
    /// HOST::[NAME] or USER@localhost::[NAME]
    #[arg(value_name = "HOST::")]
    destination: Option<String>,
}

impl Verb for Scp {
    const NAME: &'static str = "scp";
    const ABOUT: &'static str = "Securely copy images";
    // Each side goes where it works by itself.
    const NEEDS: Needs = Needs::Nothing;

    fn call(self, globals: &Globals) -> Result<u8> {
        let how = Copying {
            format: self.format,
            quiet: self.quiet,
        };
        let ctx = Context::new(globals)?;
        scp::copy(&ctx, &self.source, self.destination.as_deref(), &how)?;
        Ok(0)
    }
}
