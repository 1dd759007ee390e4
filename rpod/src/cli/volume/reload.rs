//! `rpod volume reload`: podman-volume-reload(1).

use anyhow::Result;
use clap::Args;

use crate::cli::{Globals, Verb};

#[derive(Args, Debug)]
pub struct Reload {}

impl Verb for Reload {
    const NAME: &'static str = "reload";
    const ABOUT: &'static str = "Reload volumes from volume plugins";

    /// There are no plugins whose volumes could have changed.
    fn call(self, _: &Globals) -> Result<u8> {
        Ok(0)
    }
}
