//! `rpod commit`: podman-commit(1).

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use super::choice::named;
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::commit::{self, Commit as Asked};
use crate::engine::container::find;
use crate::engine::image::assemble::Kind;
use crate::engine::image::{change, local_name};

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Oci,
    Docker,
}

fn unrecognized(text: &str) -> String {
    format!("unrecognized image format {text:?}")
}

#[derive(Args, Debug)]
pub struct Commit {
    /// Set the author for the image committed
    #[arg(short, long, value_name = "AUTHOR", default_value = "")]
    author: String,
    /// Apply an instruction to the created image (CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR)
    #[arg(short, long, value_name = "INSTRUCTION")]
    change: Vec<String>,
    /// Merge the configuration in this JSON file into the image's
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Format of the image manifest and metadata
    #[arg(short, long, default_value = "oci", value_parser = named::<Format>(unrecognized))]
    format: Format,
    /// Write the image ID to the file
    #[arg(long, value_name = "FILE")]
    iidfile: Option<PathBuf>,
    /// Include container volumes as image volumes
    #[arg(long)]
    include_volumes: bool,
    /// Set commit message for committed image
    #[arg(short, long, value_name = "MESSAGE", default_value = "")]
    message: String,
    /// Pause container during commit
    #[arg(short, long)]
    pause: bool,
    /// Suppress output
    #[arg(short, long)]
    quiet: bool,
    /// Squash all layers into one
    #[arg(short, long)]
    squash: bool,
    /// Name or ID of the container
    #[arg(value_name = "CONTAINER")]
    container: String,
    /// Name of the new image
    #[arg(value_name = "IMAGE")]
    image: Option<String>,
}

impl Verb for Commit {
    const NAME: &'static str = "commit";
    const ABOUT: &'static str = "Create new image based on the changed container";

    fn call(self, globals: &Globals) -> Result<u8> {
        let kind = match self.format {
            Format::Oci => Kind::Oci,
            Format::Docker => Kind::Docker,
        };
        if !self.message.is_empty() && kind == Kind::Oci {
            bail!("messages are only compatible with the docker image format (-f docker)");
        }
        change::check(&self.change)?;
        let config = self.config.as_ref().map(|path| {
            let text =
                std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
            serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", path.display()))
        });
        let ctx = Context::new(globals)?;
        let container = find(&ctx, &self.container)?;
        let asked = Asked {
            author: self.author,
            changes: self.change,
            config: config.transpose()?,
            kind,
            include_volumes: self.include_volumes,
            message: self.message,
            pause: self.pause,
            quiet: self.quiet,
            squash: self.squash,
            name: self.image.as_deref().map(local_name).transpose()?,
        };
        let id = commit::commit(&ctx, &container, &asked)?;
        if let Some(path) = &self.iidfile {
            std::fs::write(path, &id).with_context(|| format!("writing {}", path.display()))?;
        }
        println!("{id}");
        Ok(0)
    }
}
