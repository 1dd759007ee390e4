//! `kill`: send a signal.

use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, bail};
use nix::errno::Errno;
use nix::sys::signal::Signal;

use crate::cgroup::Manager;
use crate::cli::Kill;
use crate::container::{Root, State, Status};

/// # Errors
/// The container is not running, or there is no such signal.
pub(super) fn run(root: &Root, options: &Kill) -> Result<ExitCode> {
    let signal = parse(&options.signal)?;
    let container = root.find(&options.id)?;
    let state = container.state()?;
    if options.all {
        return send_to_all(&state, signal).map(|()| ExitCode::SUCCESS);
    }
    let status = container.status(&state)?;
    // Without an init process of their own the others would outlive it, or have.
    if signal == libc::SIGKILL && state.shares_pids && status != Status::Creating {
        let others = Manager::from_paths(state.cgroup_paths.clone()).pids()?;
        if status != Status::Stopped || !others.is_empty() {
            return send_to_all(&state, signal).map(|()| ExitCode::SUCCESS);
        }
    }
    match status {
        Status::Stopped | Status::Creating => bail!("container not running"),
        _ => send(state.pid, signal)?,
    }
    if signal == libc::SIGKILL {
        thaw(&state)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A frozen process dies only when it is thawed.
fn thaw(state: &State) -> Result<()> {
    if state.cgroup_paths.is_empty() {
        return Ok(());
    }
    let manager = Manager::from_paths(state.cgroup_paths.clone());
    if manager.is_frozen()? {
        manager.thaw()
    } else {
        Ok(())
    }
}

fn send_to_all(state: &State, signal: i32) -> Result<()> {
    if state.cgroup_paths.is_empty() {
        return match state.is_alive() {
            true => send(state.pid, signal),
            false => Ok(()),
        };
    }
    let manager = Manager::from_paths(state.cgroup_paths.clone());
    if signal == libc::SIGKILL {
        return manager.kill_all();
    }
    for pid in manager.pids()? {
        send(pid, signal).or_else(|error| match error.downcast_ref() {
            Some(Errno::ESRCH) => Ok(()),
            _ => Err(error),
        })?;
    }
    Ok(())
}

fn send(pid: i32, signal: i32) -> Result<()> {
    // SAFETY: takes numbers only. (nix knows no realtime signals.)
    let done = unsafe { libc::kill(pid, signal) };
    Errno::result(done)
        .map(drop)
        .with_context(|| format!("send signal {signal} to process {pid}"))
}

/// A number, or a name with or without `SIG`, in either case.
fn parse(text: &str) -> Result<i32> {
    let unknown = || anyhow!("unknown signal {text:?}");
    if let Ok(number) = text.parse::<i32>() {
        return if (0..=libc::SIGRTMAX()).contains(&number) {
            Ok(number)
        } else {
            Err(unknown())
        };
    }
    let name = text.to_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let realtime = |rest: &str, base: i32| {
        if rest.is_empty() {
            Some(base)
        } else {
            rest.parse::<i32>().ok().map(|n| base + n)
        }
    };
    let number = if let Some(rest) = name.strip_prefix("RTMIN") {
        realtime(rest, libc::SIGRTMIN())
    } else if let Some(rest) = name.strip_prefix("RTMAX") {
        realtime(rest, libc::SIGRTMAX())
    } else {
        Signal::from_str(&format!("SIG{name}"))
            .ok()
            .map(|signal| signal as i32)
    };
    number
        .filter(|number| (1..=libc::SIGRTMAX()).contains(number))
        .ok_or_else(unknown)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::parse;

    #[test]
    fn signals_have_names_and_numbers() {
        for text in ["TERM", "SIGTERM", "term", "sigterm", "15"] {
            assert_eq!(parse(text).unwrap(), libc::SIGTERM);
        }
        assert_eq!(parse("SIGRTMIN+3").unwrap(), 37);
        assert_eq!(parse("RTMAX-2").unwrap(), 62);
        for text in ["", "-1", "65", "SIGNOTHING", "RTMIN+40", "RTMIN+9999999999"] {
            parse(text).unwrap_err();
        }
    }
}
