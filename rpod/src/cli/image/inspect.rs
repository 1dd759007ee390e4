//! podman-image-inspect(1)

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::{Globals, Verb, first_of};
use crate::engine::{Context, image};
use crate::output;

#[derive(Args, Debug)]
pub struct Inspect {
    /// Format the output as json or by a Go template
    #[arg(short, long, default_value = "json")]
    format: String,
    /// Names or ids of images
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
}

impl Verb for Inspect {
    const NAME: &'static str = "inspect";
    const ABOUT: &'static str = "Display the configuration of an image";

    fn call(self, globals: &Globals) -> Result<u8> {
        let context = Context::new(globals)?;
        if self.images.is_empty() {
            bail!("no names or ids specified");
        }
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for name in &self.images {
            match image::find(&context, name).and_then(|image| image::inspect(&image)) {
                Ok(value) => found.push(value),
                Err(error) => missing.push(error),
            }
        }
        let methods = crate::cli::inspect::methods;
        output::inspected_with("inspect", &found, &self.format, methods)?;
        first_of(missing)
    }
}
