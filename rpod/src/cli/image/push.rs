//! podman-push(1)

use anyhow::{Context as _, Result};
use clap::Args;

use super::AccessOptions;
use super::writing::{NO_SEQUOIA, WritingOptions};
use crate::cli::verb::Refused;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::{self, Writing};

#[derive(Args, Debug)]
pub struct Push {
    #[command(flatten)]
    access: AccessOptions,
    /// Compress the layers of a directory (dir:)
    #[arg(long)]
    compress: bool,
    #[command(flatten)]
    writing: WritingOptions,
    /// Name or id of an image
    image: String,
    /// Where to push it; its own name if not given
    destination: Option<String>,
}

const NO_ENCRYPTION: &str = "rskopeo does not encrypt layers: push the image and encrypt it with `skopeo copy --encryption-key`";

impl Verb for Push {
    const NAME: &'static str = "push";
    const ABOUT: &'static str = "Push an image to a specified destination";
    const REFUSED: &'static [Refused] = &[
        ("encrypt-layer", NO_ENCRYPTION),
        ("encryption-key", NO_ENCRYPTION),
        NO_SEQUOIA,
    ];

    fn call(self, globals: &Globals) -> Result<u8> {
        let mut writing = Writing::from(self.writing);
        writing.compress = self.compress;
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
        image::push(
            &context,
            &image,
            &destination,
            &self.access.into(),
            &writing,
        )?;
        Ok(0)
    }
}
