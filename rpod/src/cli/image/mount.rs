//! podman-image-mount(1) and podman-image-unmount(1)

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;

use super::joined;
use crate::cli::mount::{print_pairs, wants_json};
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::{self, Image};
use crate::output;
use crate::rootless::Needs;

#[derive(Args, Debug)]
pub struct Mount {
    /// Mount all images
    #[arg(short, long)]
    all: bool,
    /// Print the mounted images in specified format (json)
    #[arg(long)]
    format: Option<String>,
    /// Names or IDs of images
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
}

impl Verb for Mount {
    const NAME: &'static str = "mount";
    const ABOUT: &'static str = "Mount an image's root filesystem";
    const NEEDS: Needs = Needs::Inside;

    fn call(self, globals: &Globals) -> Result<u8> {
        let json = wants_json(self.format.as_deref())?;
        if self.all && !self.images.is_empty() {
            bail!("when using the --all switch, you may not pass any image names or IDs");
        }
        let ctx = Context::new(globals)?;
        let mut mounted = Vec::new();
        if self.all || !self.images.is_empty() {
            for image in chosen(&ctx, self.all, &self.images)? {
                let path = image::mount::mount(&ctx, &image)?;
                mounted.push((image, path));
            }
        } else {
            for image in image::all_with_lent(&ctx)? {
                if let Some(path) = image::mount::mounted_at(&ctx, &image.id)? {
                    mounted.push((image, path));
                }
            }
        }
        if json {
            let rows: Vec<_> = mounted
                .iter()
                .map(|(image, path)| json!({ "id": image.id, "Names": null, "Repositories": image.names, "mountpoint": path }))
                .collect();
            println!("{}", output::pretty(&rows.into(), 1));
            return Ok(0);
        }
        if let ([(_, path)], 1) = (&mounted[..], self.images.len()) {
            println!("{}", path.display());
            return Ok(0);
        }
        let rows = mounted.iter().map(
            |(image, path)| json!({ "ID": image.names.first().unwrap_or(&image.id), "Path": path }),
        );
        print_pairs(rows.collect())?;
        Ok(0)
    }
}

#[derive(Args, Debug)]
pub struct Unmount {
    /// Unmount all of the currently mounted images
    #[arg(short, long)]
    all: bool,
    /// Force the complete unmount of the specified mounted images: rpod's mounts are always unmounted completely
    #[arg(short, long)]
    force: bool,
    /// Names or IDs of images
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
}

impl Verb for Unmount {
    const NAME: &'static str = "unmount";
    const ALIASES: &'static [&'static str] = &["umount"];
    const ABOUT: &'static str = "Unmount an image's root filesystem";

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.images.is_empty() && !self.all {
            bail!("image name or ID must be specified");
        }
        if self.all && !self.images.is_empty() {
            bail!("when using the --all switch, you may not pass any image names or IDs");
        }
        let ctx = Context::new(globals)?;
        let mut errors = Vec::new();
        for image in chosen(&ctx, self.all, &self.images)? {
            match image::mount::unmount(&ctx, &image) {
                Ok(true) => println!("{}", image.id),
                // There is nothing left to do.
                Ok(false) => {}
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

fn chosen(ctx: &Context, all: bool, names: &[String]) -> Result<Vec<Image>> {
    if all {
        return image::all_with_lent(ctx);
    }
    names.iter().map(|name| image::find(ctx, name)).collect()
}
