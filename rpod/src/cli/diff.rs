//! `rpod diff`, `rpod container diff`, `rpod image diff`: podman-diff(1).

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::{Map, Value};

use super::selection::{is_missing, one};
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::diff::{self, Subject};
use crate::engine::container::find;
use crate::engine::files::diff::{Change, Kind};
use crate::engine::image;
use crate::output;

#[derive(Args, Debug)]
pub struct Diff {
    /// Change the output format (json)
    #[arg(long)]
    format: Option<String>,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// What to look at; of two, the second is what the first is compared with
    #[arg(value_name = "CONTAINER|IMAGE")]
    names: Vec<String>,
}

impl Verb for Diff {
    const NAME: &'static str = "diff";
    const ABOUT: &'static str = "Display the changes to the object's file system";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        self.show(&ctx, "diff", |name| match find(&ctx, name) {
            Ok(container) => Ok(Subject::Container(container.into())),
            Err(error) if is_missing(&error) => image::find(&ctx, name)
                .map(|image| Subject::Image(image.into()))
                .with_context(|| format!("{name} not found: layer not known")),
            Err(error) => Err(error),
        })
    }
}

/// `rpod container diff`
#[derive(Args, Debug)]
pub struct ContainerDiff {
    #[command(flatten)]
    diff: Diff,
}

impl Verb for ContainerDiff {
    const NAME: &'static str = "diff";
    const ABOUT: &'static str = "Inspect changes to the container's file systems";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let subject = |name: &str| find(&ctx, name).map(|found| Subject::Container(found.into()));
        self.diff.show(&ctx, "container diff", subject)
    }
}

/// `rpod image diff`
#[derive(Args, Debug)]
pub struct ImageDiff {
    /// Change the output format (json)
    #[arg(long)]
    format: Option<String>,
    /// What to look at; of two, the second is what the first is compared with
    #[arg(value_name = "IMAGE", required = true, num_args = 1..=2)]
    names: Vec<String>,
}

impl Verb for ImageDiff {
    const NAME: &'static str = "diff";
    const ABOUT: &'static str = "Inspect changes to the image's file systems";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let diff = Diff {
            format: self.format,
            latest: false,
            names: self.names,
        };
        let subject = |name: &str| {
            image::find(&ctx, name)
                .map(|found| Subject::Image(found.into()))
                .with_context(|| format!("{name} not found"))
        };
        diff.show(&ctx, "image diff", subject)
    }
}

impl Diff {
    fn show(
        &self,
        ctx: &Context,
        command: &str,
        subject: impl Fn(&str) -> Result<Subject>,
    ) -> Result<u8> {
        let json = match self.format.as_deref() {
            None | Some("") => false,
            Some("json") => true,
            Some(_) => bail!("only supported value for '--format' is 'json'"),
        };
        let changes = match &self.names[..] {
            names if self.latest || names.is_empty() => {
                let container = one(ctx, command, names.first().map(String::as_str), self.latest)?;
                diff::own(ctx, &Subject::Container(container.into()))?
            }
            [name] => diff::own(ctx, &subject(name)?)?,
            [new, old] => diff::between(ctx, &subject(new)?, &subject(old)?)?,
            names => bail!("accepts between 1 and 2 arg(s), received {}", names.len()),
        };
        if json {
            println!("{}", output::pretty(&as_json(&changes), 5));
        } else {
            for change in &changes {
                println!("{} {}", letter(change.kind), change.path.display());
            }
        }
        Ok(0)
    }
}

fn letter(kind: Kind) -> char {
    match kind {
        Kind::Changed => 'C',
        Kind::Added => 'A',
        Kind::Deleted => 'D',
    }
}

fn as_json(changes: &[Change]) -> Value {
    let mut object = Map::new();
    for (key, kind) in [
        ("changed", Kind::Changed),
        ("added", Kind::Added),
        ("deleted", Kind::Deleted),
    ] {
        let paths = changes.iter().filter(|change| change.kind == kind);
        let paths: Vec<Value> = paths
            .map(|change| change.path.to_string_lossy().into())
            .collect();
        if !paths.is_empty() {
            object.insert(key.to_owned(), paths.into());
        }
    }
    object.into()
}
