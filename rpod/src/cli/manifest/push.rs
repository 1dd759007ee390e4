//! podman-manifest-push(1)

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::cli::image::RegistryOptions;
use crate::cli::image::writing::{NO_SEQUOIA, WritingOptions, compression};
use crate::cli::verb::Refused;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::{self, Access, Writing, list};

#[derive(Args, Debug)]
pub struct Push {
    /// Add each image once more in this compression, if the list has it not (gzip, zstd, zstd:chunked)
    #[arg(long, value_name = "FORMAT", value_delimiter = ',', value_parser = compression())]
    add_compression: Vec<String>,
    /// Push the list's images too
    #[arg(long, value_name = "BOOL", default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    all: bool,
    #[command(flatten)]
    registry: RegistryOptions,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
    /// Remove the list from the store if pushing succeeds
    #[arg(long, alias = "purge", short_alias = 'p')]
    rm: bool,
    #[command(flatten)]
    writing: WritingOptions,
    /// Docker's option: do not verify certificates
    #[arg(long, hide = true)]
    insecure: bool,
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// Where to push it; its own name if not given
    destination: Option<String>,
}

impl Verb for Push {
    const NAME: &'static str = "push";
    const ABOUT: &'static str = "Push a manifest list or image index to a registry";
    const REFUSED: &'static [Refused] = &[NO_SEQUOIA];

    fn call(self, globals: &Globals) -> Result<u8> {
        if !self.all && !self.add_compression.is_empty() {
            bail!("--add-compression: with --all=false no images are pushed that could be added");
        }
        let writing = Writing::from(self.writing);
        let ctx = Context::new(globals)?;
        let list = list::find(&ctx, &self.list)
            .with_context(|| format!("retrieving local image from image name {}", self.list))?;
        let access = Access {
            quiet: self.quiet,
            ..Access::from(self.registry).or_insecure(self.insecure)
        };
        let destination = match self.destination {
            Some(destination) => destination,
            // Of several names the one that was typed.
            None => image::full_name(&ctx, &self.list)?
                .or_else(|| list.names.first().cloned())
                .with_context(|| format!("{} has no name: say where to push it", self.list))?,
        };
        list::push(
            &ctx,
            &list,
            &destination,
            self.all,
            &access,
            &writing,
            &self.add_compression,
        )?;
        if self.rm {
            list::remove(&ctx, &list.id)?;
        }
        Ok(0)
    }
}
