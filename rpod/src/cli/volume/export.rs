//! `rpod volume export`: podman-volume-export(1).

use std::fs::File;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::volume::{archive, find};

#[derive(Args, Debug)]
pub struct Export {
    /// Write to this file, not to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Name of a volume
    volume: String,
}

impl Verb for Export {
    const NAME: &'static str = "export";
    const ABOUT: &'static str = "Export volumes";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let volume = find(&ctx, &self.volume)?;
        match &self.output {
            Some(path) => {
                let file = File::create(path).with_context(|| {
                    format!(
                        "unable to create target file path {0:?}: open {0}",
                        path.display().to_string()
                    )
                })?;
                archive::export(&ctx, &volume, file)?;
            }
            None if std::io::stdout().is_terminal() => {
                bail!("cannot write to terminal, use command-line redirection or the --output flag")
            }
            None => archive::export(&ctx, &volume, std::io::stdout().lock())?,
        }
        Ok(0)
    }
}
