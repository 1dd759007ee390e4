//! `rpod run`: podman-run(1).

use anyhow::Result;
use clap::Args;

use super::options::ContainerOptions;
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::container::{remove, start, stop, wait};
use crate::engine::runtime;
use crate::monitor::attach::{End, Streams};
use crate::monitor::detach_keys;

#[derive(Args, Debug)]
pub struct Run {
    /// Run the container in the background and print its ID
    #[arg(short, long)]
    detach: bool,
    /// Override the key sequence for detaching a container
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<String>,
    /// Pass the signals that rpod receives on to the container
    #[arg(long, value_name = "BOOL", default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    sig_proxy: bool,
    /// Attach to STDIN, STDOUT or STDERR
    #[arg(short, long, value_name = "STREAM")]
    attach: Vec<String>,
    #[command(flatten)]
    container: ContainerOptions,
}

impl Verb for Run {
    const NAME: &'static str = "run";
    const ABOUT: &'static str = "Run a command in a new container";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let keys = self
            .detach_keys
            .as_deref()
            .or(ctx.config.containers_conf.engine.detach_keys.as_deref())
            .unwrap_or(detach_keys::DEFAULT);
        let keys = detach_keys::parse(keys)?;
        let container = self.container.create(&ctx)?;
        if self.detach {
            started(&ctx, &container, start::start(&ctx, &container, None))?;
            println!("{}", container.id);
            return Ok(0);
        }
        let streams = self.streams(&container, keys)?;
        let attached = started(
            &ctx,
            &container,
            start::start(&ctx, &container, Some(&streams)),
        )?;
        let end = match attached {
            Some(attached) => attached.run(&container.home(&ctx), streams, |signal| {
                // It may have ended while the signal was on its way.
                let _ = runtime::kill(&ctx, &container.id, signal as i32);
            })?,
            None => End::Closed,
        };
        if end == End::Detached {
            return Ok(0);
        }
        let code = wait::wait(&ctx, &container.id)?;
        remove::cleanup(&ctx, &container.id, container.remove)?;
        if container.remove {
            remove::forget_exit(&ctx, &container.id)?;
        }
        Ok(code as u8)
    }
}

impl Run {
    fn streams(&self, container: &Container, detach_keys: Vec<u8>) -> Result<Streams> {
        let mut streams = Streams {
            stdin: container.process.stdin,
            stdout: true,
            stderr: true,
            tty: container.process.tty,
            detach_keys,
            proxy_signals: self.sig_proxy,
        };
        if !self.attach.is_empty() {
            (streams.stdin, streams.stdout, streams.stderr) = (false, false, false);
            for name in &self.attach {
                match name.to_ascii_lowercase().as_str() {
                    "stdin" => streams.stdin = true,
                    "stdout" => streams.stdout = true,
                    "stderr" => streams.stderr = true,
                    _ => anyhow::bail!(
                        "invalid stream {name:?} for --attach - must be one of stdin, stdout, or stderr: invalid argument"
                    ),
                }
            }
        }
        Ok(streams)
    }
}

/// A container that was made only to run once goes when it cannot start.
fn started<T>(ctx: &Context, container: &Container, result: Result<T>) -> Result<T> {
    if result.is_err() && container.remove {
        remove::remove(ctx, container, true, Some(0))?;
    }
    result
}
