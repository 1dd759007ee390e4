//! `rpod quadlet install`: podman-quadlet-install(1).

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::systemd::quadlet::install::install;

#[derive(Args, Debug)]
pub struct Install {
    /// Reload systemd after installing Quadlets
    #[arg(long, default_value = "true")]
    reload_systemd: bool,
    /// Replace a unit that is there already
    #[arg(short, long)]
    replace: bool,
    /// A unit and files that belong to it, a directory of them, or a file of several units
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

impl Verb for Install {
    const NAME: &'static str = "install";
    const ABOUT: &'static str = "Install one or more quadlets";

    fn call(self, _: &Globals) -> Result<u8> {
        if self.paths.is_empty() {
            bail!("must provide at least one argument");
        }
        for path in install(&self.paths, self.replace)? {
            println!("{}", path.display());
        }
        super::reload(self.reload_systemd)?;
        Ok(0)
    }
}
