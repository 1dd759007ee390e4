//! podman-pull(1)

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use super::{AccessOptions, joined};
use crate::cli::choice::named;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::{self, Access, Image, Platform};

#[derive(Args, Debug)]
pub struct Pull {
    #[command(flatten)]
    access: AccessOptions,
    /// All tagged images in the repository are pulled
    #[arg(short, long)]
    all_tags: bool,
    /// Pull the image for this architecture
    #[arg(long)]
    arch: Option<String>,
    /// Key that decrypts the image's layers
    #[arg(long, value_name = "KEY[:PASSPHRASE]")]
    decryption_key: Vec<String>,
    /// Pull the image for this operating system
    #[arg(long)]
    os: Option<String>,
    /// Pull the image for this platform: OS/ARCH[/VARIANT]
    #[arg(long)]
    platform: Option<String>,
    /// When to pull
    #[arg(long, default_value = "always", value_parser = named::<Policy>(|text| format!("unsupported pull policy {text:?}")))]
    policy: Policy,
    /// Pull the image for this variant of the architecture
    #[arg(long)]
    variant: Option<String>,
    /// Names of images
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Policy {
    Always,
    Missing,
    Never,
    Newer,
}

impl Verb for Pull {
    const NAME: &'static str = "pull";
    const ABOUT: &'static str = "Pull an image from a registry";

    fn call(self, globals: &Globals) -> Result<u8> {
        let context = Context::new(globals)?;
        let parts = Platform {
            os: self.os,
            arch: self.arch,
            variant: self.variant,
        };
        let platform = chosen_platform(self.platform.as_deref(), parts)?;
        let access = Access {
            decryption_keys: self.decryption_key,
            ..Access::from(self.access)
        };
        let mut names = self.images;
        if self.all_tags {
            let mut all = Vec::new();
            for repository in &names {
                all.extend(image::names_of_repository(repository, &access)?);
            }
            names = all;
        }
        let mut errors = Vec::new();
        for name in &names {
            match pull(&context, name, self.policy, &access, &platform) {
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

fn pull(
    context: &Context,
    name: &str,
    policy: Policy,
    access: &Access,
    platform: &Platform,
) -> Result<Image> {
    let local = match policy {
        Policy::Always => None,
        _ => image::find(context, name)
            .ok()
            .filter(|image| platform.takes(image)),
    };
    match (policy, local) {
        (Policy::Never, None) => bail!("{name}: image not known"),
        (Policy::Never | Policy::Missing, Some(image)) => Ok(image),
        // What the registry has under the name is newer; what has not changed is not fetched again.
        (Policy::Newer, Some(image)) => {
            Ok(image::pull(context, name, access, platform).unwrap_or(image))
        }
        (_, _) => image::pull(context, name, access, platform),
    }
}

/// `--platform`, or what the options for its parts say.
pub fn chosen_platform(whole: Option<&str>, parts: Platform) -> Result<Platform> {
    match whole {
        None => Ok(parts),
        Some(_) if parts.arch.is_some() || parts.os.is_some() || parts.variant.is_some() => {
            bail!("--platform option can not be specified with --arch or --os")
        }
        Some(text) => parse_platform(text),
    }
}

/// `OS/ARCH[/VARIANT]`
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
