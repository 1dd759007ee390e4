//! `rpod exec`: podman-exec(1).

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::errors::worded;
use super::options::DescriptorOptions;
use super::selection::{is_missing, one};
use super::{ExitStatus, Globals, Verb, connection};
use crate::engine::Context;
use crate::engine::container::exec::{self, Outcome, Request};
use crate::engine::container::{find, record::Container, record::Process};
use crate::engine::runtime::RuntimeError;
use crate::monitor::attach::Streams;

#[derive(Args, Debug)]
pub struct Exec {
    /// Read the ID of the container from the file
    #[arg(long, value_name = "FILE")]
    cidfile: Option<std::path::PathBuf>,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// Run the exec session in detached mode (backgrounded)
    #[arg(short, long)]
    detach: bool,
    /// Select the key sequence for detaching a container
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<String>,
    /// Set environment variables
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Read in a file of environment variables
    #[arg(long, value_name = "FILE")]
    env_file: Vec<std::path::PathBuf>,
    /// Make STDIN available to the contained process
    #[arg(short, long)]
    interactive: bool,
    /// Run the process without a session that other commands would see
    #[arg(long)]
    no_session: bool,
    /// Give the process extended Linux capabilities inside the container
    #[arg(long)]
    privileged: bool,
    /// Allocate a pseudo-TTY
    #[arg(short, long)]
    tty: bool,
    /// Sets the username or UID used and optionally the groupname or GID for the specified command
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Seconds to wait for the container to be there and to run
    #[arg(long, value_name = "SECONDS", hide = true)]
    wait: Option<u32>,
    /// Working directory inside the container
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    #[command(flatten)]
    descriptors: DescriptorOptions,
    /// CONTAINER COMMAND [ARG...]
    #[arg(trailing_var_arg = true, value_name = "CONTAINER COMMAND [ARG...]")]
    words: Vec<String>,
}

impl Exec {
    /// The container, and the words that are left for the command.
    fn target(&self, ctx: &Context) -> Result<(Container, &[String])> {
        match (&self.cidfile, self.latest, &self.words[..]) {
            (Some(_), true, _) => bail!("--latest and --cidfile can not be used together"),
            (Some(path), false, words) => Ok((
                find(ctx, &super::options::read_id("CIDFile", path)?)?,
                words,
            )),
            (None, true, words) => Ok((one(ctx, "exec", None, true)?, words)),
            (None, false, [name, words @ ..]) => Ok((find(ctx, name)?, words)),
            (None, false, []) => bail!(
                "exec requires the name or ID of a container or the --latest or --cidfile flag"
            ),
        }
    }

    /// Returns when the container runs. It may have to be made yet, so there is no file that could be watched.
    fn wait(&self, ctx: &Context, longest: Duration) -> Result<()> {
        let end = Instant::now() + longest;
        loop {
            match self.target(ctx) {
                Ok((container, _)) if ctx.store.status(&container.id)?.is_running() => {
                    return Ok(());
                }
                Err(error) if !is_missing(&error) => return Err(error),
                _ => {}
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let name = self.words.first().map(String::as_str).unwrap_or_default();
                bail!("timed out waiting for container: {name}");
            }
            std::thread::sleep(left.min(AGAIN));
        }
    }
}

/// How often it is looked whether the container runs.
const AGAIN: Duration = Duration::from_millis(50);

impl Verb for Exec {
    const NAME: &'static str = "exec";
    const ABOUT: &'static str = "Run a process in a running container";
    const OUTLIVES_READERS: bool = true;

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.no_session && (self.detach || self.detach_keys.is_some()) {
            bail!("--no-session cannot be used with --detach or --detach-keys");
        }
        let ctx = Context::new(globals)?.preserving(self.descriptors.preserve()?);
        if let Some(seconds) = self.wait {
            self.wait(&ctx, Duration::from_secs(seconds.into()))?;
        }
        let (container, command) = self.target(&ctx)?;
        if command.is_empty() {
            bail!("must provide a non-empty command to start an exec session: invalid argument");
        }
        let own = &container.process;
        let mut env = own.env.clone();
        if own.tty && !env.iter().any(|variable| variable.starts_with("TERM=")) {
            env.push("TERM=xterm".to_owned());
        }
        let asked = super::options::environment(&self.env_file, &self.env);
        env.extend(asked.context("parsing environment variables")?);
        let process = Process {
            command: command.to_vec(),
            env,
            workdir: self.workdir.clone().unwrap_or_else(|| own.workdir.clone()),
            user: self.user.clone().unwrap_or_else(|| own.user.clone()),
            groups: own.groups.clone(),
            umask: own.umask.clone(),
            tty: self.tty,
            stdin: self.interactive,
            ..Process::default()
        };
        let privileged = self.privileged || ctx.config.containers_conf.containers.privileged;
        if self.no_session {
            return exec::alone(&ctx, &container, process, privileged).map_err(without_code);
        }
        let streams = if self.detach {
            None
        } else {
            let detach_keys = connection::keys(&ctx, self.detach_keys.as_deref())?;
            Some(Streams {
                stdin: self.interactive,
                stdout: true,
                stderr: true,
                tty: self.tty,
                detach_keys,
                proxy_signals: !self.tty,
            })
        };
        match exec::exec(
            &ctx,
            &container,
            Request {
                process,
                privileged,
                streams,
            },
        )
        .map_err(|error| {
            if self.detach {
                error
            } else {
                without_code(error)
            }
        })? {
            Outcome::Started(session) => {
                println!("{session}");
                Ok(0)
            }
            Outcome::Detached => Ok(0),
            Outcome::Ended(code) => u8::try_from(code)
                .with_context(|| format!("the command ended with {code}, which is no exit code")),
        }
    }
}

/// The session was to end with the command's code, and has none: podman says -1, unless the runtime knows better.
fn without_code(error: anyhow::Error) -> anyhow::Error {
    let code = match error.downcast_ref() {
        Some(RuntimeError::NotFound(_)) => 127,
        Some(RuntimeError::NotPermitted(_)) => 126,
        Some(RuntimeError::Other(_)) | None => 255,
    };
    let message = worded(&error);
    ExitStatus { code, message }.into()
}
