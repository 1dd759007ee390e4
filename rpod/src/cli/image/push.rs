//! podman-push(1)

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::AccessOptions;
use super::writing::WritingOptions;
use crate::cli::{Globals, Verb};
use crate::engine::{Context, image};

#[derive(Args, Debug)]
pub struct Push {
    #[command(flatten)]
    access: AccessOptions,
    /// Compress the layers of a directory (dir:)
    #[arg(long)]
    compress: bool,
    /// Layers to encrypt: rskopeo encrypts no layers
    #[arg(long, value_name = "LAYERS")]
    encrypt_layer: Vec<i32>,
    /// Key to encrypt the image with: rskopeo encrypts no layers
    #[arg(long, value_name = "KEY")]
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

    fn call(self, globals: &Globals) -> Result<u8> {
        if !self.encrypt_layer.is_empty() || !self.encryption_key.is_empty() {
            bail!(
                "--encryption-key, --encrypt-layer: rskopeo does not encrypt layers: push the image and encrypt it with `skopeo copy --encryption-key`"
            );
        }
        let mut writing = self.writing.resolve()?;
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
