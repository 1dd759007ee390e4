//! podman-push(1)

use anyhow::{Context as _, Result};
use clap::Args;

use super::AccessOptions;
use crate::cli::{Globals, Verb};
use crate::engine::{Context, image};

#[derive(Args, Debug)]
pub struct Push {
    #[command(flatten)]
    access: AccessOptions,
    /// Name or id of an image
    image: String,
    /// Where to push it; its own name if not given
    destination: Option<String>,
}

impl Verb for Push {
    const NAME: &'static str = "push";
    const ABOUT: &'static str = "Push an image to a specified destination";

    fn call(self, globals: &Globals) -> Result<u8> {
        let context = Context::new(globals)?;
        let image = image::find(&context, &self.image)?;
        let destination = match self.destination {
            Some(destination) => destination,
            None => image.name_of(&context, &self.image)?.with_context(|| {
                format!(
                    "{} is no name of the image: say where to push it",
                    self.image
                )
            })?,
        };
        image::push(&context, &image, &destination, &self.access.into())?;
        Ok(0)
    }
}
