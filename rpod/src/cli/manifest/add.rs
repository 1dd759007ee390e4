//! podman-manifest-add(1)

use anyhow::Result;
use clap::Args;

use super::annotations;
use crate::cli::image::RegistryOptions;
use crate::cli::verb::Refused;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::list::{self, About, Chosen};
use crate::engine::image::{Access, Platform};

#[derive(Args, Debug)]
pub struct Add {
    /// Add all of the list's images if the image is a list
    #[arg(long)]
    all: bool,
    /// Set annotations on the image
    #[arg(long, value_name = "KEY=VALUE")]
    annotation: Vec<String>,
    /// Override the architecture of the image
    #[arg(long)]
    arch: Option<String>,
    #[command(flatten)]
    registry: RegistryOptions,
    /// Override the features of the image
    #[arg(long, value_delimiter = ',')]
    features: Vec<String>,
    /// Override the OS of the image
    #[arg(long)]
    os: Option<String>,
    /// Override the OS version of the image
    #[arg(long, value_name = "VERSION")]
    os_version: Option<String>,
    /// Override the variant of the image
    #[arg(long)]
    variant: Option<String>,
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// Images to add
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
}

const NO_ARTIFACTS: &str =
    "rpod makes no artifacts: push it with another tool, and add it by its reference";

impl Verb for Add {
    const NAME: &'static str = "add";
    const ABOUT: &'static str = "Add images to a manifest list or image index";
    const REFUSED: &'static [Refused] = &[
        ("artifact", NO_ARTIFACTS),
        ("artifact-config", NO_ARTIFACTS),
        ("artifact-config-type", NO_ARTIFACTS),
        ("artifact-exclude-titles", NO_ARTIFACTS),
        ("artifact-layer-type", NO_ARTIFACTS),
        ("artifact-subject", NO_ARTIFACTS),
        ("artifact-type", NO_ARTIFACTS),
    ];

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let id = list::find(&ctx, &self.list)?.id;
        let access = Access {
            quiet: true,
            ..Access::from(self.registry)
        };
        let chosen = Chosen {
            all: self.all,
            platform: Platform {
                os: self.os.clone(),
                arch: self.arch.clone(),
                variant: self.variant.clone(),
            },
        };
        let about = About {
            annotations: annotations(&self.annotation)?,
            // Of a whole list each image has its own.
            arch: self.arch.filter(|_| !self.all),
            os: self.os.filter(|_| !self.all),
            variant: self.variant.filter(|_| !self.all),
            features: self.features,
            os_features: Vec::new(),
            os_version: self.os_version,
        };
        for image in &self.images {
            let (_, digests) = list::add(&ctx, &id, image, &chosen, &access)?;
            list::annotate(&ctx, &id, &digests, &about)?;
        }
        println!("{id}");
        Ok(0)
    }
}
