//! `rpod inspect` and `rpod container inspect`: podman-inspect(1).

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::{Globals, Verb};
use crate::engine::container::{find, inspect};
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
        show(&ctx, "inspect", &self.names, &self.format, self.kind)
    }
}

#[derive(Args, Debug)]
pub struct ContainerInspect {
    /// Format the output to a Go template or json
    #[arg(short, long, default_value = "json")]
    format: String,
    /// Names or IDs of containers
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
}

impl Verb for ContainerInspect {
    const NAME: &'static str = "inspect";
    const ABOUT: &'static str = "Display the configuration of a container";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        show(
            &ctx,
            "container inspect",
            &self.names,
            &self.format,
            Kind::Container,
        )
    }
}

/// What is found is printed, then what was not is told.
fn show(ctx: &Context, command: &str, names: &[String], format: &str, kind: Kind) -> Result<u8> {
    if names.is_empty() {
        bail!("you must provide at least one name or id");
    }
    let mut found = Vec::new();
    let mut code = 0;
    for name in names {
        match object(ctx, name, kind) {
            Ok(object) => found.push(object),
            Err(error) => code = super::tell(&error),
        }
    }
    inspected(command, &found, format)?;
    Ok(code)
}

fn object(ctx: &Context, name: &str, kind: Kind) -> Result<Value> {
    if kind != Kind::Image {
        match find(ctx, name) {
            Ok(container) => return inspect::inspect(ctx, &container),
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
