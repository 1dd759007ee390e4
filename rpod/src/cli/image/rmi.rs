//! podman-rmi(1)

use anyhow::{Result, bail};
use clap::Args;

use super::joined;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::{self, RemoveError, Removed};

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
        let removals: Vec<Result<Removed>> = match self.all {
            true => {
                let mut images = image::all(&context)?;
                images.sort_by(|a, b| a.id.cmp(&b.id));
                images.dedup_by(|a, b| a.id == b.id);
                let lists = image::list::all(&context)?.into_iter();
                let lists = lists.map(|list| image::remove(&context, &list.id, self.force));
                let images = images.into_iter();
                let images = images.map(|image| image::remove_whole(&context, image, self.force));
                lists.chain(images).collect()
            }
            false => self
                .images
                .iter()
                .map(|name| image::remove(&context, name, self.force))
                .collect(),
        };
        let mut errors = Vec::new();
        let mut deleted = Vec::new();
        for removal in removals {
            match removal {
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
