//! podman-manifest-remove(1)

use anyhow::{Context as _, Result};
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
        let ctx = Context::new(globals)?;
        let list = list::remove_instance(&ctx, &self.list, &self.digest)
            .with_context(|| format!("removing from manifest list {}", self.list))?;
        println!("{}", list.id);
        Ok(0)
    }
}
