//! `rpod volume import`: podman-volume-import(1).

use std::fs::File;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::volume::{archive, find};

#[derive(Args, Debug)]
pub struct Import {
    /// Name of a volume
    volume: String,
    /// A tar file; `-` for standard input
    source: String,
}

impl Verb for Import {
    const NAME: &'static str = "import";
    const ABOUT: &'static str = "Import a tarball contents into a volume";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let volume = || find(&ctx, &self.volume);
        if self.source == "-" {
            archive::import(&ctx, &volume()?, std::io::stdin().lock())?;
        } else {
            let file = File::open(&self.source)
                .with_context(|| format!("unable open input file: open {}", self.source))?;
            archive::import(&ctx, &volume()?, file)?;
        }
        Ok(0)
    }
}
