//! podman-pull(1)

use anyhow::{Result, bail};
use clap::Args;

use super::{AccessOptions, joined};
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::{self, Access, Platform};

#[derive(Args, Debug)]
pub struct Pull {
    #[command(flatten)]
    access: AccessOptions,
    /// Pull the image for this architecture
    #[arg(long)]
    arch: Option<String>,
    /// Pull the image for this operating system
    #[arg(long)]
    os: Option<String>,
    /// Pull the image for this platform: OS/ARCH[/VARIANT]
    #[arg(long, conflicts_with_all = ["arch", "os", "variant"])]
    platform: Option<String>,
    /// Pull the image for this variant of the architecture
    #[arg(long)]
    variant: Option<String>,
    /// Names of images
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
}

impl Verb for Pull {
    const NAME: &'static str = "pull";
    const ABOUT: &'static str = "Pull an image from a registry";

    fn call(self, globals: &Globals) -> Result<u8> {
        let context = Context::new(globals)?;
        let platform = match &self.platform {
            Some(platform) => parse_platform(platform)?,
            None => Platform {
                os: self.os,
                arch: self.arch,
                variant: self.variant,
            },
        };
        let access = Access::from(self.access);
        let mut errors = Vec::new();
        for name in &self.images {
            match image::pull(&context, name, &access, &platform) {
                Ok(image) => println!("{}", image.id),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(0)
        } else {
            Err(joined(&errors, 125))
        }
    }
}

fn parse_platform(text: &str) -> Result<Platform> {
    let mut parts = text.split('/').map(str::to_owned);
    let platform = Platform {
        os: parts.next(),
        arch: parts.next(),
        variant: parts.next(),
    };
    if platform.arch.is_none() || parts.next().is_some() {
        bail!("invalid platform {text:?}: want OS/ARCH[/VARIANT]");
    }
    Ok(platform)
}
