//! podman-manifest-remove(1)

use anyhow::Result;
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::list;

#[derive(Args, Debug)]
pub struct Remove {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// Digest of an image of the list
    digest: String,
}

impl Verb for Remove {
    const NAME: &'static str = "remove";
    const ABOUT: &'static str = "Remove an item from a manifest list or image index";

    fn call(self, globals: &Globals) -> Result<u8> {
        let list = list::remove_instance(&Context::new(globals)?, &self.list, &self.digest)?;
        println!("{}", list.id);
        Ok(0)
    }
}
