//! `rpod cp`: podman-cp(1).

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;

use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::copy::{self, End, Ways};
use crate::engine::container::find;
use crate::engine::container::record::Container;
use crate::engine::files::compression::{self, NoArchive};

/// Another name of `-`.
const STDIN: &str = "/dev/stdin";

#[derive(Args, Debug)]
pub struct Cp {
    /// Chown copied files to the primary uid/gid of the destination container
    #[arg(short, long, value_name = "BOOL", default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    archive: bool,
    /// Of older versions of podman: an archive is unpacked in any case
    #[arg(long, hide = true)]
    extract: bool,
    /// Of older versions of podman: nothing has to stand still
    #[arg(long, hide = true)]
    pause: bool,
    /// Allow to overwrite directories with non-directories and vice versa
    #[arg(long)]
    overwrite: bool,
    /// [CONTAINER:]PATH, or - for an archive from standard input
    #[arg(value_name = "[CONTAINER:]SRC_PATH")]
    source: String,
    /// [CONTAINER:]PATH, or - for an archive to standard output
    #[arg(value_name = "[CONTAINER:]DEST_PATH")]
    destination: String,
}

impl Verb for Cp {
    const NAME: &'static str = "cp";
    const ABOUT: &'static str = "Copy files/folders between a container and the local filesystem";
    const OUTLIVES_READERS: bool = true;

    fn call(self, globals: &Globals) -> Result<u8> {
        let Cp {
            extract: _,
            pause: _,
            ..
        } = self;
        if self.source.is_empty() || self.destination.is_empty() {
            bail!(
                "invalid arguments {:?}, {:?}: you must specify paths",
                self.source,
                self.destination
            );
        }
        let ctx = Context::new(globals)?;
        let ways = Ways {
            archive: self.archive,
            overwrite: self.overwrite,
        };
        let (from, from_path) = end(&ctx, &self.source)?;
        let (to, to_path) = end(&ctx, &self.destination)?;
        match (&from, &to) {
            (None, None) => bail!(
                "name or ID cannot be empty: neither {:?} nor {:?} is CONTAINER:PATH",
                self.source,
                self.destination
            ),
            (Some(container), None) if to_path == Path::new("-") => {
                if std::io::stdout().is_terminal() {
                    bail!("refusing to write an archive to a terminal: redirect standard output");
                }
                copy::copy_out(&ctx, container, &from_path, std::io::stdout().lock())?;
            }
            (None, Some(container)) if [STDIN, "-"].map(Path::new).contains(&&*from_path) => {
                copy::copy_in(&ctx, archive_from_stdin()?, container, &to_path, ways)?;
            }
            _ => {
                copy::copy(&ctx, &place(&from, from_path), &place(&to, to_path), ways)?;
            }
        }
        Ok(0)
    }
}

fn place(container: &Option<Container>, path: PathBuf) -> End<'_> {
    match container {
        Some(container) => End::Container(container, path),
        None => End::Host(path),
    }
}

/// `CONTAINER:PATH`, or a path of the host: one with a colon has to begin with `/` or `.`.
fn end(ctx: &Context, text: &str) -> Result<(Option<Container>, PathBuf)> {
    match text.split_once(':') {
        Some((name, path)) if !text.starts_with(['/', '.']) => {
            let container =
                find(ctx, name).with_context(|| format!("container {name:?} does not exist"))?;
            let path = if path.is_empty() { "/" } else { path };
            Ok((Some(container), path.into()))
        }
        _ => Ok((None, text.into())),
    }
}

fn archive_from_stdin() -> Result<Box<dyn std::io::Read>> {
    const NEEDED: &str = "source must be a (compressed) tar archive when copying from stdin";
    compression::read(std::io::stdin().lock()).map_err(|error| match error.downcast_ref() {
        Some(NoArchive) => anyhow!(NEEDED),
        None => error.context(NEEDED),
    })
}
