//! podman-tag(1) and podman-untag(1)

use anyhow::Result;
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::{Context, image};

#[derive(Args, Debug)]
pub struct Tag {
    /// Name or id of an image
    image: String,
    /// Names to give it
    #[arg(required = true, value_name = "TARGET_NAME")]
    names: Vec<String>,
}

impl Verb for Tag {
    const NAME: &'static str = "tag";
    const ABOUT: &'static str = "Add an additional name to a local image";

    fn call(self, globals: &Globals) -> Result<u8> {
        let context = Context::new(globals)?;
        if let Ok(list) = image::list::find(&context, &self.image) {
            for name in &self.names {
                image::list::tag(&context, &list, name)?;
            }
            return Ok(0);
        }
        let image = image::find(&context, &self.image)?;
        for name in &self.names {
            image::tag(&context, &image, name)?;
        }
        Ok(0)
    }
}

#[derive(Args, Debug)]
pub struct Untag {
    /// Name or id of an image
    image: String,
    /// Names to take from it; all of them if none is given
    #[arg(value_name = "IMAGE")]
    names: Vec<String>,
}

impl Verb for Untag {
    const NAME: &'static str = "untag";
    const ABOUT: &'static str = "Remove a name from a local image";

    fn call(self, globals: &Globals) -> Result<u8> {
        let context = Context::new(globals)?;
        let image = image::find(&context, &self.image)?;
        image::untag(&context, &image, &self.names)?;
        Ok(0)
    }
}
