//! `rpod quadlet print`: podman-quadlet-print(1).

use std::io::Write as _;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::systemd::quadlet::installed;

#[derive(Args, Debug)]
pub struct Print {
    /// The unit's file name
    #[arg(value_name = "QUADLET")]
    name: String,
}

impl Verb for Print {
    const NAME: &'static str = "print";
    const ALIASES: &'static [&'static str] = &["cat"];
    const ABOUT: &'static str = "Display the contents of a quadlet";

    fn call(self, _: &Globals) -> Result<u8> {
        let path = installed::find(&self.name)?.path;
        let text = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        std::io::stdout().lock().write_all(&text)?;
        Ok(0)
    }
}
