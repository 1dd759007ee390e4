//! podman-image-inspect(1)

use anyhow::Result;
use clap::Args;

use super::joined;
use crate::cli::{Globals, Verb};
use crate::engine::{Context, image};
use crate::output;

#[derive(Args, Debug)]
pub struct Inspect {
    /// Format the output as json or by a Go template
    #[arg(short, long, default_value = "json")]
    format: String,
    /// Names or ids of images
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
}

impl Verb for Inspect {
    const NAME: &'static str = "inspect";
    const ABOUT: &'static str = "Display the configuration of an image";

    fn call(self, globals: &Globals) -> Result<u8> {
        let context = Context::new(globals)?;
        let mut found = Vec::new();
        let mut errors = Vec::new();
        for name in &self.images {
            match image::find(&context, name).and_then(|image| image::inspect(&context, &image)) {
                Ok(value) => found.push(value),
                Err(error) => errors.push(error.context("inspecting object")),
            }
        }
        if errors.is_empty() || !found.is_empty() {
            output::inspected("image inspect", &found, &self.format)?;
        }
        if errors.is_empty() {
            Ok(0)
        } else {
            Err(joined(&errors, 125))
        }
    }
}
