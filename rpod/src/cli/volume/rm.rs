//! `rpod volume rm`: podman-volume-rm(1). Its exit codes: 1, a volume did not exist; 2, one is being used.

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::stop::Patience;
use crate::cli::{ExitStatus, Globals, Verb};
use crate::engine::Context;
use crate::engine::volume::{self, Volume, VolumeError, remove};
use crate::store::readable::Damaged;

#[derive(Args, Debug)]
pub struct Rm {
    /// Remove all volumes
    #[arg(short, long)]
    all: bool,
    /// Remove a volume by force, even if it is being used by a container
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    patience: Patience,
    /// Names of volumes
    #[arg(value_name = "VOLUME")]
    volumes: Vec<String>,
}

impl Verb for Rm {
    const NAME: &'static str = "rm";
    const ALIASES: &'static [&'static str] = &["remove"];
    const ABOUT: &'static str = "Remove one or more volumes";

    fn call(self, globals: &Globals) -> Result<u8> {
        self.patience.needs_force(self.force)?;
        if self.all != self.volumes.is_empty() {
            bail!("choose either one or more volumes or all");
        }
        let ctx = Context::new(globals)?;
        let names = match self.all {
            true => volume::all(&ctx)?.into_iter().map(|v| v.name).collect(),
            false => self.volumes,
        };
        let timeout = self.patience.seconds();
        let mut code = 0;
        let mut found = Vec::new();
        for name in &names {
            match volume::find(&ctx, name) {
                Ok(volume) => found.push(volume),
                Err(error)
                    if self.force
                        && matches!(error.downcast_ref(), Some(VolumeError::NotFound(_))) => {}
                // What is in it goes as well: that has to be asked for.
                Err(error) if self.force && error.is::<Damaged>() => found.push(Volume {
                    name: name.clone(),
                    ..Volume::default()
                }),
                // Of several errors the last one counts, and podman looks for all before it removes any.
                Err(error) => code = crate::cli::tell(&with_code(error)),
            }
        }
        for volume in found {
            match remove::remove(&ctx, &volume, self.force, timeout) {
                Ok(()) => println!("{}", volume.name),
                Err(error) => code = crate::cli::tell(&with_code(error)),
            }
        }
        Ok(code)
    }
}

fn with_code(error: anyhow::Error) -> anyhow::Error {
    let code = match error.downcast_ref() {
        Some(VolumeError::NotFound(_)) => 1,
        Some(VolumeError::InUse { .. }) => 2,
        _ => return error,
    };
    let message = format!("{error:#}");
    ExitStatus { code, message }.into()
}
