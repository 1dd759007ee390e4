//! The host's ps(1), let into the PID namespace of a container. No file of the container is run or read by it.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

use crate::bundle;
use crate::engine::Context;
use crate::engine::container::record::Container;

/// What `ps WORDS` says of the processes in the container's PID namespace, but for ps itself.
pub fn run(ctx: &Context, container: &Container, words: &[String]) -> Result<Vec<String>> {
    let init = super::running(ctx, container)?;
    if bundle::capabilities(ctx, container)?
        .iter()
        .any(|name| name == "CAP_SYS_PTRACE")
    {
        bail!(
            "container {} has CAP_SYS_PTRACE and could reach the host through its ps(1): run rpod exec {} ps {}",
            container.id,
            container.name,
            words.join(" ")
        );
    }
    let path = format!("/proc/{init}/ns/pid");
    let namespace = File::open(&path).with_context(|| format!("opening {path}"))?;
    let words: Vec<&str> = match words {
        // One word may hold several, as docker's users write them.
        [one] => one.split_whitespace().collect(),
        several => several.iter().map(String::as_str).collect(),
    };
    let mut command = Command::new("ps");
    command
        .args(&words)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME"))
        .stdin(Stdio::null());
    // SAFETY: between fork and exec only system calls are made; nothing is allocated and no lock is taken. The process has one
    // thread, so the second fork copies a whole process.
    unsafe {
        command.pre_exec(move || enter(&namespace));
    }
    let output = command
        .output()
        .context("starting ps, which is asked for columns that rpod does not know")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "ps(1) failed with exit code {}: {}",
            output.status.code().unwrap_or(-1),
            said.lines().next().unwrap_or_default()
        );
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let own = format!("ps {}", words.join(" "));
    Ok(said
        .lines()
        .filter(|line| !line.contains(own.trim_end()))
        .map(str::to_owned)
        .collect())
}

/// A PID namespace is that of children only: the process that goes on to be ps is a child, and the one between hands on its end.
fn enter(namespace: &File) -> io::Result<()> {
    setns(namespace, CloneFlags::CLONE_NEWPID)?;
    unshare(CloneFlags::CLONE_NEWNS)?;
    let nothing = None::<&str>;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(nothing, "/", nothing, private, nothing)?;
    // SAFETY: see `run`: one thread, and the child goes on to exec.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
            mount(Some("proc"), "/proc", Some("proc"), safe, nothing)?;
            Ok(())
        }
        ForkResult::Parent { child } => {
            let code = match waitpid(child, None) {
                Ok(WaitStatus::Exited(_, code)) => code,
                _ => 1,
            };
            // SAFETY: _exit runs nothing of this copy of the process.
            unsafe { libc::_exit(code) }
        }
    }
}
