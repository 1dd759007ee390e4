//! podman-push(1)

use anyhow::{Context as _, Result};
use clap::Args;

use super::AccessOptions;
use super::writing::{NO_SEQUOIA, WritingOptions};
use crate::cli::verb::Refused;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::{self, Writing, list};

#[derive(Args, Debug)]
pub struct Push {
    #[command(flatten)]
    access: AccessOptions,
    /// Compress the layers of a directory (dir:)
    #[arg(long)]
    compress: bool,
    /// Layers to encrypt, by their place, which is negative from the end: all of them where only keys are given
    #[arg(long, value_name = "PLACE")]
    encrypt_layer: Vec<i64>,
    /// Key that the layers are encrypted for (e.g. jwe:/path/to/key.pem)
    #[arg(long, value_name = "PROTOCOL:KEY")]
    encryption_key: Vec<String>,
    #[command(flatten)]
    writing: WritingOptions,
    /// Name or id of an image
    image: String,
    /// Where to push it; its own name if not given
    destination: Option<String>,
}

impl Verb for Push {
    const NAME: &'static str = "push";
    const ABOUT: &'static str = "Push an image to a specified destination";
    const REFUSED: &'static [Refused] = &[NO_SEQUOIA];

    fn call(self, globals: &Globals) -> Result<u8> {
        let mut writing = Writing::from(self.writing);
        writing.compress = self.compress;
        writing.encryption_keys = self.encryption_key;
        writing.encrypt_layers = self.encrypt_layer;
        let context = Context::new(globals)?;
        // A list whose image for this machine is not here goes whole.
        let (image, list) = match image::find(&context, &self.image) {
            Ok(image) => (Some(image), None),
            Err(error) => match list::find(&context, &self.image) {
                Ok(list) => (None, Some(list)),
                Err(_) => return Err(error),
            },
        };
        let destination = match self.destination {
            Some(destination) => destination,
            None => image::full_name(&context, &self.image)?.with_context(|| {
                format!(
                    "{} is no name of the image: say where to push it",
                    self.image
                )
            })?,
        };
        let access = self.access.into();
        if let Some(image) = image {
            image::push(&context, &image, &destination, &access, &writing)?;
        }
        if let Some(list) = list {
            list::push(&context, &list, &destination, true, &access, &writing, &[])?;
        }
        Ok(0)
    }
}
