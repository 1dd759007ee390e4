//! `rpod run`: podman-run(1).

use std::io::IsTerminal as _;

use anyhow::Result;
use clap::Args;

use super::connection::{self, Connection, streams_of};
use super::errors::worded;
use super::options::{ContainerOptions, DescriptorOptions, OfRun, REFUSED, stream};
use super::{ExitStatus, Globals, Refused, Verb};
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::container::{remove, start};
use crate::monitor::attach::Streams;
use crate::output::warn;

#[derive(Args, Debug)]
pub struct Run {
    /// Run the container in the background and print its ID
    #[arg(short, long)]
    detach: bool,
    /// Attach to STDIN, STDOUT or STDERR
    #[arg(short, long, value_name = "STREAM", value_delimiter = ',')]
    attach: Vec<String>,
    /// Add entries to /etc/passwd and /etc/group for the container's user (default true)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", action = clap::ArgAction::Set)]
    passwd: bool,
    /// Remove image unless used by other containers, implies --rm
    #[arg(long)]
    rmi: bool,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    descriptors: DescriptorOptions,
    #[command(flatten)]
    container: ContainerOptions,
}

impl Verb for Run {
    const NAME: &'static str = "run";
    const ABOUT: &'static str = "Run a command in a new container";
    const REFUSED: &'static [Refused] = REFUSED;
    const OUTLIVES_READERS: bool = true;

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?.preserving(self.descriptors.preserve()?);
        if self.container.is_interactive_terminal() && !std::io::stdin().is_terminal() {
            warn(
                "The input device is not a TTY. The --tty and --interactive flags might not work properly",
            );
        }
        let of_run = OfRun {
            no_accounts: !self.passwd,
            remove_image: self.rmi,
        };
        let container = self.container.with(of_run).create(&ctx)?;
        if self.detach {
            started(&ctx, &container, start::start(&ctx, &container, None))?;
            println!("{}", container.id);
            return Ok(0);
        }
        let mut streams = self.connection.streams(&ctx, &container)?;
        choose(&self.attach, &mut streams)?;
        let attached = started(
            &ctx,
            &container,
            start::start(&ctx, &container, streams_of(&container, &streams)),
        )?;
        connection::follow(&ctx, &container, attached, streams)
    }
}

/// `--attach` names the only streams that are connected.
fn choose(names: &[String], streams: &mut Streams) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    (streams.stdin, streams.stdout, streams.stderr) = (false, false, false);
    for name in names {
        match stream(name)? {
            "stdin" => streams.stdin = true,
            "stdout" => streams.stdout = true,
            _ => streams.stderr = true,
        }
    }
    Ok(())
}

/// A container that was made only to run once goes when it cannot start. Whatever the reason, it is the command that was not run:
/// 127 if something was not found, else 126.
fn started<T>(ctx: &Context, container: &Container, result: Result<T>) -> Result<T> {
    if result.is_err()
        && container.remove
        && let Err(error) = remove::remove(ctx, container, true, Some(0))
    {
        warn(&format!("removing container {}: {error:#}", container.id));
    }
    result.map_err(|error| {
        let message = worded(&error);
        let is_missing = ["not found", "no such file", "executable path is empty"]
            .iter()
            .any(|words| message.to_lowercase().contains(words));
        let code = if is_missing { 127 } else { 126 };
        ExitStatus { code, message }.into()
    })
}
