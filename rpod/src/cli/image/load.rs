//! podman-load(1)

use std::io::IsTerminal as _;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::{Context, image};

#[derive(Args, Debug)]
pub struct Load {
    /// Read from this file or directory, not from standard input
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

impl Verb for Load {
    const NAME: &'static str = "load";
    const ABOUT: &'static str = "Load image(s) from a tar archive";

    fn call(self, globals: &Globals) -> Result<u8> {
        let context = Context::new(globals)?;
        let loaded = match &self.input {
            Some(path) => image::load(&context, path, self.quiet)?,
            None if std::io::stdin().is_terminal() => {
                bail!("cannot read from terminal, use command-line redirection or the --input flag")
            }
            None => image::load_stdin(&context, self.quiet)?,
        };
        for name in loaded {
            println!("Loaded image: {name}");
        }
        Ok(0)
    }
}
