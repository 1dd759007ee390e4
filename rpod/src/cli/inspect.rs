//! `rpod inspect` and `rpod container inspect`: podman-inspect(1).

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::selection::one;
use super::{Globals, Verb};
use crate::engine::container::{find, inspect, size};
use crate::engine::{Context, image};
use crate::output::inspected;
use crate::store::names::LookupError;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    All,
    Container,
    Image,
}

#[derive(Args, Debug)]
pub struct Inspect {
    /// Format the output to a Go template or json
    #[arg(short, long, default_value = "json")]
    format: String,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// Display total file size
    #[arg(short, long)]
    size: bool,
    /// Specify inspect-object type
    #[arg(short = 't', long = "type", value_enum, default_value = "all")]
    kind: Kind,
    /// Names or IDs of containers and images
    #[arg(value_name = "CONTAINER|IMAGE")]
    names: Vec<String>,
}

impl Verb for Inspect {
    const NAME: &'static str = "inspect";
    const ABOUT: &'static str = "Display the configuration of object denoted by ID";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let mut kind = self.kind;
        if self.latest && kind == Kind::All {
            kind = Kind::Container;
        }
        let names = named(&ctx, self.names, self.latest)?;
        show(&ctx, "inspect", &names, &self.format, kind, self.size)
    }
}

#[derive(Args, Debug)]
pub struct ContainerInspect {
    /// Format the output to a Go template or json
    #[arg(short, long, default_value = "json")]
    format: String,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// Display total file size
    #[arg(short, long)]
    size: bool,
    /// Names or IDs of containers
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
}

impl Verb for ContainerInspect {
    const NAME: &'static str = "inspect";
    const ABOUT: &'static str = "Display the configuration of a container";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let names = named(&ctx, self.names, self.latest)?;
        let kind = Kind::Container;
        show(
            &ctx,
            "container inspect",
            &names,
            &self.format,
            kind,
            self.size,
        )
    }
}

fn named(ctx: &Context, names: Vec<String>, latest: bool) -> Result<Vec<String>> {
    match (latest, names.is_empty()) {
        (true, false) => bail!("--latest and arguments cannot be used together"),
        (true, true) => Ok(vec![one(ctx, "inspect", None, true)?.id]),
        (false, _) => Ok(names),
    }
}

/// What is found is printed, then what was not is told.
fn show(
    ctx: &Context,
    command: &str,
    names: &[String],
    format: &str,
    kind: Kind,
    with_size: bool,
) -> Result<u8> {
    if names.is_empty() {
        bail!("you must provide at least one name or id");
    }
    let mut found = Vec::new();
    let mut code = 0;
    for name in names {
        match object(ctx, name, kind, with_size) {
            Ok(object) => found.push(object),
            Err(error) if kind == Kind::All => code = super::tell(&error),
            Err(error) => code = super::tell(&error.context("inspecting object")),
        }
    }
    inspected(command, &found, format)?;
    Ok(code)
}

fn object(ctx: &Context, name: &str, kind: Kind, with_size: bool) -> Result<Value> {
    if kind != Kind::Image {
        match find(ctx, name) {
            Ok(container) => {
                let mut object = inspect::inspect(ctx, &container)?;
                if with_size {
                    object["SizeRw"] = json!(size::own(ctx, &container)?);
                    object["SizeRootFs"] = json!(size::with_image(ctx, &container)?);
                }
                return Ok(object);
            }
            Err(error)
                if kind == Kind::All
                    && matches!(error.downcast_ref(), Some(LookupError::NoContainer(_))) => {}
            Err(error) => return Err(error),
        }
    }
    match image::find(ctx, name) {
        Ok(found) => image::inspect(ctx, &found),
        Err(_) if kind == Kind::All => bail!("no such object: {name:?}"),
        Err(error) => Err(error),
    }
}
