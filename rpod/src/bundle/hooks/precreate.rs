//! A hook that changes `config.json` before the runtime sees it.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::memfd::{MFdFlags, memfd_create};
use serde_json::Value;

use super::schema::Hook;

/// Longest wait for a hook that gives no time of its own.
const DEFAULT_TIMEOUT: u64 = 10;

/// Starts the hook with the configuration on its standard input; what it answers takes its place.
pub(super) fn run(hook: &Hook, config: &Value) -> Result<Value> {
    // Files, not pipes: whoever keeps one open, nobody waits for it.
    let (mut question, mut answer) = (in_memory()?, in_memory()?);
    question.write_all(&serde_json::to_vec(config)?)?;
    question.rewind()?;
    let mut command = Command::new(&hook.path);
    if let [name, arguments @ ..] = &hook.args[..] {
        command.arg0(name).args(arguments);
    }
    let variables = hook.env.iter().filter_map(|entry| entry.split_once('='));
    let child = command
        .env_clear()
        .envs(variables)
        .stdin(question)
        .stdout(answer.try_clone()?)
        .spawn()?;
    let status = wait(child, hook.timeout.unwrap_or(DEFAULT_TIMEOUT))?;
    if !status.success() {
        bail!("it ended with {status}");
    }
    let mut text = String::new();
    answer.rewind()?;
    answer
        .read_to_string(&mut text)
        .context("reading its answer")?;
    if text.trim().is_empty() {
        return Ok(config.clone());
    }
    serde_json::from_str(&text).context("what it answers is no configuration")
}

fn in_memory() -> Result<File> {
    let memory = memfd_create(c"precreate", MFdFlags::MFD_CLOEXEC);
    Ok(memory.context("making a file in memory")?.into())
}

fn wait(mut child: Child, seconds: u64) -> Result<ExitStatus> {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            bail!("it took more than {seconds} s");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
