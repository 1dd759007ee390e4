//! `rpod cp`: podman-cp(1).

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::copy::{self, End, Ways};
use crate::engine::container::find;
use crate::engine::container::record::Container;

#[derive(Args, Debug)]
pub struct Cp {
    /// Chown copied files to the primary uid/gid of the destination container
    #[arg(short, long, value_name = "BOOL", default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    archive: bool,
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
        let ctx = Context::new(globals)?;
        let ways = Ways {
            archive: self.archive,
            overwrite: self.overwrite,
        };
        let (from, from_path) = end(&ctx, &self.source)?;
        let (to, to_path) = end(&ctx, &self.destination)?;
        match (&from, &to) {
            (None, None) => bail!(
                "invalid arguments {:?}, {:?}: exactly 1 container expected but 0 specified",
                self.source,
                self.destination
            ),
            (Some(container), None) if to_path == Path::new("-") => {
                if std::io::stdout().is_terminal() {
                    bail!("refusing to write an archive to a terminal: redirect standard output");
                }
                copy::copy_out(&ctx, container, &from_path, std::io::stdout().lock())?;
            }
            (None, Some(container)) if from_path == Path::new("-") => {
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
            Ok((
                Some(container),
                if path.is_empty() {
                    "/".into()
                } else {
                    path.into()
                },
            ))
        }
        _ if text.is_empty() => bail!("an empty path names nothing to copy"),
        _ => Ok((None, text.into())),
    }
}

/// Plain or gzip.
fn archive_from_stdin() -> Result<Box<dyn std::io::Read>> {
    let mut stdin = std::io::stdin().lock();
    let mut head = Vec::new();
    stdin
        .by_ref()
        .take(512)
        .read_to_end(&mut head)
        .context("reading standard input")?;
    let whole = std::io::Cursor::new(head.clone()).chain(stdin);
    if head.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(flate2::read::MultiGzDecoder::new(whole)));
    }
    if head.get(257..262) != Some(b"ustar") && head.iter().any(|byte| *byte != 0) {
        bail!("source must be a (gzip compressed) tar archive when copying from stdin");
    }
    Ok(Box::new(whole))
}
