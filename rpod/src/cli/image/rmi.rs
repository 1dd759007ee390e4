//! podman-rmi(1)

use anyhow::{Result, bail};
use clap::Args;

use super::joined;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::{self, RemoveError};

#[derive(Args, Debug)]
pub struct Rmi {
    /// Remove all images
    #[arg(short, long)]
    all: bool,
    /// Remove images that have several names, and the containers that use them
    #[arg(short, long)]
    force: bool,
    /// Ignore errors if an image does not exist
    #[arg(short, long)]
    ignore: bool,
    /// Keep dangling parents of the image: rpod's images have none
    #[arg(long)]
    no_prune: bool,
    /// Names or ids of images
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
}

impl Verb for Rmi {
    const NAME: &'static str = "rmi";
    const ABOUT: &'static str = "Remove one or more images from local storage";

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.images.is_empty() && !self.all {
            bail!("image name or ID must be specified");
        }
        if !self.images.is_empty() && self.all {
            bail!("when using the --all switch, you may not pass any images names or IDs");
        }
        let context = Context::new(globals)?;
        let images = match self.all {
            // By every name of it, since an id does not remove an image of several names.
            true => image::all(&context)?
                .into_iter()
                .flat_map(|image| {
                    if image.names.is_empty() {
                        vec![image.id]
                    } else {
                        image.names
                    }
                })
                .collect(),
            false => self.images,
        };
        let mut errors = Vec::new();
        let mut deleted = Vec::new();
        for name in &images {
            match image::remove(&context, name, self.force) {
                Ok(removed) => {
                    removed
                        .untagged
                        .iter()
                        .for_each(|name| println!("Untagged: {name}"));
                    deleted.extend(removed.deleted);
                }
                // One that is to go by all means may be gone.
                Err(error)
                    if (self.ignore || self.force) && RemoveError::exit_code(&error) == 1 => {}
                Err(error) => errors.push(error),
            }
        }
        deleted.iter().for_each(|id| println!("Deleted: {id}"));
        image::sweep(&context)?;
        match errors
            .iter()
            .map(RemoveError::exit_code)
            .max_by_key(|&code| (code == 125, code))
        {
            None => Ok(0),
            Some(code) => Err(joined(&errors, code)),
        }
    }
}

/// `podman image rm`
#[derive(Args, Debug)]
pub struct ImageRemove {
    #[command(flatten)]
    rmi: Rmi,
}

impl Verb for ImageRemove {
    const NAME: &'static str = "rm";
    const ABOUT: &'static str = Rmi::ABOUT;

    fn call(self, globals: &Globals) -> Result<u8> {
        self.rmi.call(globals)
    }
}
