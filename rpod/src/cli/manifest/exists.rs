//! podman-manifest-exists(1)

use anyhow::Result;
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::list;

#[derive(Args, Debug)]
pub struct Exists {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
}

impl Verb for Exists {
    const NAME: &'static str = "exists";
    const ABOUT: &'static str = "Check if a manifest list exists in local storage";

    fn call(self, globals: &Globals) -> Result<u8> {
        let there = list::exists(&Context::new(globals)?, &self.list)?;
        Ok(u8::from(!there))
    }
}
