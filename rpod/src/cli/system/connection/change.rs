//! podman-system-connection-default(1), podman-system-connection-remove(1), podman-system-connection-rename(1)

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::system::connection;
use crate::rootless::Needs;

#[derive(Args, Debug)]
pub struct Default {
    /// The connection's name
    name: String,
}

impl Verb for Default {
    const NAME: &'static str = "default";
    const ABOUT: &'static str = "Set named destination as default";
    const NEEDS: Needs = Needs::Nothing;

    fn call(self, _: &Globals) -> Result<u8> {
        connection::set_default(&self.name)?;
        Ok(0)
    }
}

#[derive(Args, Debug)]
pub struct Remove {
    /// Remove all connections
    #[arg(short, long)]
    all: bool,
    /// The connection's name
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

impl Verb for Remove {
    const NAME: &'static str = "remove";
    const ALIASES: &'static [&'static str] = &["rm"];
    const ABOUT: &'static str = "Delete named destination";
    const NEEDS: Needs = Needs::Nothing;

    fn call(self, _: &Globals) -> Result<u8> {
        match (self.all, &self.names[..]) {
            (true, []) => connection::remove_all()?,
            (true, _) => bail!("no arguments are needed with --all"),
            (false, [name]) => connection::remove(name)?,
            (false, names) => bail!("accepts 1 arg(s), received {}", names.len()),
        }
        Ok(0)
    }
}

#[derive(Args, Debug)]
pub struct Rename {
    /// The connection's name
    old: String,
    /// Its new name
    new: String,
}

impl Verb for Rename {
    const NAME: &'static str = "rename";
    const ALIASES: &'static [&'static str] = &["mv"];
    const ABOUT: &'static str = "Rename \"old\" to \"new\"";
    const NEEDS: Needs = Needs::Nothing;

    fn call(self, _: &Globals) -> Result<u8> {
        connection::rename(&self.old, &self.new)?;
        Ok(0)
    }
}
