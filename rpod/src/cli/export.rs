//! `rpod export`: podman-export(1).

use std::fs::File;
use std::io::{BufWriter, IsTerminal as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::{export, find};

#[derive(Args, Debug)]
pub struct Export {
    /// Write to a specified file (default: stdout, which must be redirected)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Name or ID of the container
    #[arg(value_name = "CONTAINER")]
    name: String,
}

impl Verb for Export {
    const NAME: &'static str = "export";
    const ABOUT: &'static str = "Export container's filesystem contents as a tar archive";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let container = find(&ctx, &self.name)?;
        let Some(path) = self.output else {
            if std::io::stdout().is_terminal() {
                bail!("refusing to export to terminal. Use -o flag or redirect");
            }
            export::export(&ctx, &container, BufWriter::new(std::io::stdout().lock()))?;
            return Ok(0);
        };
        if path.as_os_str().as_encoded_bytes().contains(&b':') {
            bail!(
                "invalid filename (should not contain ':') {:?}",
                path.display().to_string()
            );
        }
        let made = || format!("writing {}", path.display());
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".partial");
        let temporary = PathBuf::from(temporary);
        let file = File::create(&temporary).with_context(made)?;
        let written = export::export(&ctx, &container, BufWriter::with_capacity(1 << 20, file));
        // What is half-written has another name, and goes.
        match written {
            Ok(()) => std::fs::rename(&temporary, &path).with_context(made)?,
            Err(error) => {
                std::fs::remove_file(&temporary).with_context(made)?;
                return Err(error);
            }
        }
        Ok(0)
    }
}
