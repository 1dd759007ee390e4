//! podman-manifest-rm(1)

use anyhow::Result;
use clap::Args;

use crate::cli::image::joined;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::{self, RemoveError, list};

#[derive(Args, Debug)]
pub struct Rm {
    /// Ignore errors when a specified manifest is missing
    #[arg(short, long)]
    ignore: bool,
    /// The lists
    #[arg(required = true, value_name = "LIST")]
    lists: Vec<String>,
}

impl Verb for Rm {
    const NAME: &'static str = "rm";
    const ABOUT: &'static str = "Remove manifest list or image index from local storage";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let mut errors = Vec::new();
        for text in &self.lists {
            match list::remove(&ctx, text) {
                Ok((names, id)) => {
                    names.iter().for_each(|name| println!("Untagged: {name}"));
                    id.iter().for_each(|id| println!("Deleted: {id}"));
                }
                Err(error) if self.ignore && RemoveError::exit_code(&error) == 1 => {}
                Err(error) => errors.push(error),
            }
        }
        image::sweep(&ctx)?;
        match errors.iter().map(RemoveError::exit_code).max() {
            None => Ok(0),
            Some(code) => Err(joined(&errors, code)),
        }
    }
}
