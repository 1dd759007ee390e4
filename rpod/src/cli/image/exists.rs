//! podman-image-exists(1)

use anyhow::Result;
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::{Context, image};

#[derive(Args, Debug)]
pub struct Exists {
    /// Name or id of an image
    image: String,
}

impl Verb for Exists {
    const NAME: &'static str = "exists";
    const ABOUT: &'static str = "Check if an image exists in local storage";

    fn call(self, globals: &Globals) -> Result<u8> {
        match image::find(&Context::new(globals)?, &self.image) {
            Ok(_) => Ok(0),
            Err(error) if matches!(error.downcast_ref(), Some(image::ImageError::NotKnown(_))) => {
                Ok(1)
            }
            Err(error) => Err(error),
        }
    }
}
