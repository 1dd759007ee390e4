//! podman-manifest-annotate(1)

use anyhow::{Result, bail};
use clap::Args;

use super::annotations;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image;
use crate::engine::image::list::{self, About, Subject};

#[derive(Args, Debug)]
pub struct Annotate {
    /// Set annotations on the image
    #[arg(long, value_name = "KEY=VALUE")]
    annotation: Vec<String>,
    /// Override the architecture of the image
    #[arg(long)]
    arch: Option<String>,
    /// Override the features of the image
    #[arg(long, value_delimiter = ',')]
    features: Vec<String>,
    /// Apply --annotation to the list itself
    #[arg(long)]
    index: bool,
    /// Override the OS of the image
    #[arg(long)]
    os: Option<String>,
    /// Override the OS features of the image
    #[arg(long, value_name = "FEATURE", value_delimiter = ',')]
    os_features: Vec<String>,
    /// Override the OS version of the image
    #[arg(long, value_name = "VERSION")]
    os_version: Option<String>,
    /// Set the subject to which the list refers
    #[arg(long, value_name = "IMAGE")]
    subject: Option<String>,
    /// Override the variant of the image
    #[arg(long)]
    variant: Option<String>,
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// Digest or name of an image of the list
    #[arg(value_name = "IMAGEORARTIFACT")]
    image: Option<String>,
}

impl Verb for Annotate {
    const NAME: &'static str = "annotate";
    const ABOUT: &'static str =
        "Add or update information about an entry in a manifest list or image index";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let pairs = annotations(&self.annotation)?;
        let about = About {
            annotations: pairs.clone(),
            arch: self.arch,
            features: self.features,
            os: self.os,
            os_features: self.os_features,
            os_version: self.os_version,
            variant: self.variant,
        };
        let list = match (self.index || self.subject.is_some(), self.image) {
            (true, Some(image)) => bail!(
                "did not expect image or artifact name {image:?} when modifying the entire index"
            ),
            (true, None) => {
                let subject = self.subject.as_deref();
                let subject = subject.map(|name| Subject::of(&ctx, name)).transpose()?;
                list::annotate_index(&ctx, &self.list, &pairs, subject.as_ref())?
            }
            (false, None) => bail!(
                "expected an instance digest, image name, or artifact name: --index changes the list itself"
            ),
            (false, Some(image)) => {
                let digest = match image.starts_with("sha256:") {
                    true => image,
                    false => image::find(&ctx, &image)?.digest,
                };
                list::annotate(&ctx, &self.list, &[digest], &about)?
            }
        };
        println!("{}", list.id);
        Ok(0)
    }
}
