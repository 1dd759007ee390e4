//! podman-manifest-rm(1)

use anyhow::Result;
use clap::Args;

use crate::cli::{Globals, Verb, tell};
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
        let mut code = 0;
        for text in &self.lists {
            match list::remove(&ctx, text) {
                Ok((names, id)) => {
                    names.iter().for_each(|name| println!("Untagged: {name}"));
                    id.iter().for_each(|id| println!("Deleted: {id}"));
                }
                Err(error) if self.ignore && RemoveError::exit_code(&error) == 1 => {}
                Err(error) => {
                    tell(&error);
                    code = RemoveError::exit_code(&error);
                }
            }
        }
        image::sweep(&ctx)?;
        Ok(code)
    }
}
