//! Images from one store to another, of another user or on another host: podman-image-scp(1).
//!
//! Each side is an rpod or podman of its own, which a [`place::Place`] starts: the source saves the image into a file without a name,
//! and the destination loads it from there. Nothing but the archive passes between them.

mod argument;
mod place;

use std::fs::File;

use anyhow::{Context as _, Result, bail};

use super::archive::unnamed_file;
use crate::engine::Context;
use argument::Argument;
use place::Place;

/// How the image travels.
#[derive(Clone, Debug, Default)]
pub struct Copying {
    /// `docker-archive` or `oci-archive`.
    pub format: Option<String>,
    pub quiet: bool,
}

/// Copies the image that one of the arguments names; what the destination says of it is printed by itself.
pub fn copy(ctx: &Context, source: &str, destination: Option<&str>, how: &Copying) -> Result<()> {
    let source = Argument::parse(source);
    let destination = destination.map(Argument::parse);
    if source.image.is_empty() {
        bail!("a source image must be specified: invalid argument");
    }
    let from = Place::of(&source)?;
    let to = match &destination {
        Some(argument) => Place::of(argument)?,
        None => from.opposite()?,
    };
    let name = destination.map(|argument| argument.image);
    let archive = save(ctx, &from, &source.image, how)?;
    let loaded = load(ctx, &to, &archive, how)?;
    match name.filter(|name| !name.is_empty()) {
        Some(name) => tag(ctx, &to, &loaded, &name),
        None => Ok(()),
    }
}

fn save(ctx: &Context, from: &Place, image: &str, how: &Copying) -> Result<File> {
    let archive = unnamed_file()?;
    let mut words = vec!["image", "save"];
    if let Some(format) = &how.format {
        words.extend(["--format", format]);
    }
    words.extend(how.quiet.then_some("--quiet"));
    words.push(image);
    let mut command = from.command(ctx, &words)?;
    from.give(&archive)?;
    let out = archive.try_clone().context("duplicating the archive")?;
    let status = command.stdout(out).status();
    let status = status.with_context(|| format!("starting {from}"))?;
    if !status.success() {
        bail!("saving {image} on {from} ended with {status}");
    }
    Ok(archive)
}

/// The last word of what it says is the name of the image.
fn load(ctx: &Context, to: &Place, archive: &File, how: &Copying) -> Result<String> {
    let mut words = vec!["image", "load"];
    words.extend(how.quiet.then_some("--quiet"));
    let mut command = to.command(ctx, &words)?;
    to.give(archive)?;
    let output = command
        .stdin(place::from_its_start(archive)?)
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("starting {to}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    if !output.status.success() {
        bail!("loading the image on {to} ended with {}", output.status);
    }
    let name = said.split_whitespace().last().map(str::to_owned);
    name.with_context(|| format!("{to} does not say what it has loaded"))
}

fn tag(ctx: &Context, place: &Place, image: &str, name: &str) -> Result<()> {
    let mut command = place.command(ctx, &["image", "tag", image, name])?;
    let status = command
        .status()
        .with_context(|| format!("starting {place}"))?;
    match status.success() {
        true => Ok(()),
        false => bail!("naming {image} {name} on {place} ended with {status}"),
    }
}
