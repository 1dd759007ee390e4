//! `rpod quadlet rm`: podman-quadlet-rm(1).

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::cli::{Globals, Verb, tell};
use crate::systemd::quadlet::installed::{self, Installed};
use crate::systemd::service;

#[derive(Args, Debug)]
pub struct Rm {
    /// Remove all Quadlets for the current user
    #[arg(short, long)]
    all: bool,
    /// Remove running quadlets
    #[arg(short, long)]
    force: bool,
    /// Do not error for Quadlets that do not exist
    #[arg(short, long)]
    ignore: bool,
    /// Reload systemd after removing Quadlets
    #[arg(long, default_value = "true")]
    reload_systemd: bool,
    /// Units by their file names, or applications
    #[arg(value_name = "QUADLET")]
    names: Vec<String>,
}

impl Verb for Rm {
    const NAME: &'static str = "rm";
    const ABOUT: &'static str = "Remove quadlets";

    fn call(self, _: &Globals) -> Result<u8> {
        if self.all != self.names.is_empty() {
            bail!("at least one quadlet file must be selected");
        }
        let there: Vec<String> = installed::all()?
            .into_iter()
            .map(|unit| unit.name)
            .collect();
        let names = if self.all { &there } else { &self.names };
        let (mut code, mut gone) = (0, Vec::new());
        for name in names {
            // It went with another of its application.
            if gone.contains(name) {
                continue;
            }
            match installed::remove(name, |unit| self.end(unit)) {
                Ok(units) => {
                    units.iter().for_each(|unit| println!("{unit}"));
                    gone.extend(units);
                }
                Err(_) if self.ignore && !there.contains(name) => {}
                Err(error) => {
                    code = tell(&error.context(format!("unable to remove Quadlet {name}")))
                }
            }
        }
        super::reload(self.reload_systemd)?;
        Ok(code)
    }
}

impl Rm {
    /// A service that runs is stopped only with `--force`.
    fn end(&self, unit: &Installed) -> Result<()> {
        let states = service::states(std::slice::from_ref(&unit.service))?;
        let is_active = states
            .get(&unit.service)
            .is_some_and(|state| state.starts_with("active") || state.starts_with("activating"));
        match (is_active, self.force) {
            (false, _) => Ok(()),
            (true, true) => {
                service::stop(&unit.service).with_context(|| format!("stopping {}", unit.service))
            }
            (true, false) => bail!(
                "quadlet {} is running and force is not set, refusing to remove: use --force, or systemctl stop {}",
                unit.name,
                unit.service
            ),
        }
    }
}
