//! One check: the runtime runs the command in the container, beside no monitor, and what it says is kept.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Check;
use crate::bundle;
use crate::engine::container::exec;
use crate::engine::container::record::{Container, Process};
use crate::engine::{Context, runtime};
use crate::pidfd;
use crate::store::directory::remove_tree;
use crate::store::id;
use crate::store::record::{Durability, replace_private};

/// Exit code of a check that took too long.
pub(super) const TIMED_OUT: i32 = -1;

/// Of output without a limit, too, no more than this is kept: bytes.
const MOST_OUTPUT: usize = 1 << 20;

/// Runs the test. That it cannot be run is a failure of the check, and no error.
pub(super) fn run(
    ctx: &Context,
    container: &Container,
    test: &[String],
    timeout: Duration,
) -> Result<Check> {
    let command = command(test)
        .with_context(|| format!("container {} has no defined healthcheck", container.id))?;
    // Where sessions of `exec` are, so that it goes with the others if it is left behind.
    let dir = exec::make_dir(ctx, container, "exec", &id::new()?)?;
    let start = Timestamp::now();
    let said = ask(ctx, container, command, &dir, timeout);
    remove_tree(&dir)?;
    let (exit_code, output) = said?;
    Ok(Check {
        start: start.to_string(),
        end: Timestamp::now().to_string(),
        exit_code,
        output: shortened(&output, container.health.log_size),
    })
}

fn command(test: &[String]) -> Option<Vec<String>> {
    let (kind, rest) = test.split_first()?;
    let command = match kind.as_str() {
        "" | "NONE" => return None,
        "CMD" => rest.to_vec(),
        "CMD-SHELL" => vec!["/bin/sh".to_owned(), "-c".to_owned(), rest.join(" ")],
        _ => test.to_vec(),
    };
    command.first().filter(|first| !first.is_empty())?;
    Some(command)
}

/// 0, 1 or [`TIMED_OUT`], and what was written.
fn ask(
    ctx: &Context,
    container: &Container,
    command: Vec<String>,
    dir: &Path,
    timeout: Duration,
) -> Result<(i32, Vec<u8>)> {
    let own = &container.process;
    let process = Process {
        command,
        entrypoint: Vec::new(),
        tty: false,
        stdin: false,
        ..own.clone()
    };
    let process = bundle::exec_process(ctx, container, &process, false, &container.home(ctx))?;
    let (file, pidfile) = (dir.join("process.json"), dir.join("pidfile"));
    replace_private(&file, &serde_json::to_vec(&process)?, Durability::Process)?;
    let (reader, writer) = std::io::pipe().context("making a pipe for a health check")?;
    let mut call = runtime::command(ctx, container)?;
    let mut child = call
        .args(["exec", "--process"])
        .arg(&file)
        .arg("--pid-file")
        .arg(&pidfile)
        .arg(&container.id)
        .stdin(Stdio::null())
        .stdout(writer.try_clone().context("doubling a pipe")?)
        .stderr(writer)
        .spawn()
        .with_context(|| format!("starting {}", call.get_program().display()))?;
    // The command's ends of the pipe go with it.
    drop(call);
    let listened = listen(&child, reader.into(), Instant::now() + timeout);
    if !matches!(listened, Ok((true, _))) {
        end(&mut child, &pidfile)?;
    }
    let (ended, output) = listened?;
    if !ended {
        return Ok((TIMED_OUT, output));
    }
    let status = child.wait().context("waiting for a health check")?;
    Ok((i32::from(!status.success()), output))
}

/// Keeps what is written until the runtime has ended (true) or the time is over. Nobody waits for processes that the command
/// left behind.
fn listen(child: &Child, pipe: OwnedFd, deadline: Instant) -> Result<(bool, Vec<u8>)> {
    fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).context("setting up a pipe")?;
    let mut pipe = File::from(pipe);
    let end = pidfd::open(child.id().cast_signed())?
        .context("a child that is not waited for yet is gone")?;
    let mut output = Vec::new();
    let mut closed = false;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok((false, output));
        }
        let mut fds = vec![PollFd::new(end.as_fd(), PollFlags::POLLIN)];
        // A closed pipe would wake us for ever.
        if !closed {
            fds.push(PollFd::new(pipe.as_fd(), PollFlags::POLLIN));
        }
        let millis = PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, millis) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).context("waiting for a health check"),
        }
        let ended = fds[0].any().unwrap_or(false);
        closed = read_some(&mut pipe, &mut output)?;
        if ended {
            return Ok((true, output));
        }
    }
}

/// Reads what is there. True at the end of the pipe.
fn read_some(pipe: &mut File, output: &mut Vec<u8>) -> Result<bool> {
    let mut part = [0; 8192];
    loop {
        match pipe.read(&mut part) {
            Ok(0) => return Ok(true),
            Ok(size) => {
                let room = MOST_OUTPUT.saturating_sub(output.len());
                output.extend_from_slice(&part[..size.min(room)]);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("reading what a health check says"),
        }
    }
}

/// The process in the container is killed, then whoever started it.
fn end(child: &mut Child, pidfile: &Path) -> Result<()> {
    let pid = fs::read_to_string(pidfile).ok();
    if let Some(pid) = pid.and_then(|text| text.trim().parse().ok()) {
        match kill(Pid::from_raw(pid), Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => bail!("killing a health check that takes too long: {errno}"),
        }
    }
    // It may have seen the end of its process, and ended by itself.
    child
        .kill()
        .context("killing the runtime of a health check")?;
    child.wait().context("waiting for the runtime").map(drop)
}

/// The first characters; 0 is no limit.
fn shortened(output: &[u8], limit: u32) -> String {
    let text = String::from_utf8_lossy(output);
    match limit {
        0 => text.into_owned(),
        limit => text.chars().take(limit as usize).collect(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_run() {
        let of = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            command(&words)
        };
        assert_eq!(
            of(&["CMD-SHELL", "a", "b"]).unwrap(),
            ["/bin/sh", "-c", "a b"]
        );
        assert_eq!(of(&["CMD", "a"]).unwrap(), ["a"]);
        assert_eq!(of(&["a", "b"]).unwrap(), ["a", "b"]);
        assert!(of(&["NONE"]).is_none() && of(&[]).is_none() && of(&["CMD"]).is_none());
    }

    #[test]
    fn output_is_cut_by_characters() {
        assert_eq!(shortened("äöü".as_bytes(), 2), "äö");
        assert_eq!(shortened(b"abc", 0), "abc");
    }
}
