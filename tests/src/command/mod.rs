//! Run a program as a person would, but with a time limit, and keep what it said.

mod line;
mod output;

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use line::{line_of, words};
pub use output::{Output, code_of};

/// A command that is still to be run.
#[derive(Debug)]
pub struct Cmd {
    command: Command,
    stdin: Vec<u8>,
    limit: Duration,
}

impl Cmd {
    pub fn new(program: impl AsRef<OsStr>) -> Cmd {
        Cmd {
            command: Command::new(program),
            stdin: Vec::new(),
            limit: Duration::from_secs(60),
        }
    }

    /// The same command, started by another one that is given these words before it.
    pub fn through(mut self, program: &str, words: &[&str]) -> Cmd {
        let inner = std::mem::replace(&mut self.command, Command::new(program));
        self.command
            .args(words)
            .arg(inner.get_program())
            .args(inner.get_args());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => self.command.env(name, value),
                None => self.command.env_remove(name),
            };
        }
        if let Some(dir) = inner.get_current_dir() {
            self.command.current_dir(dir);
        }
        self
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Cmd {
        self.command.arg(arg);
        self
    }

    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Cmd {
        self.command.args(args);
        self
    }

    /// Adds the words of a line as a shell would split it: by blanks, with '…' and "…" kept whole.
    pub fn words(self, line: &str) -> Cmd {
        self.args(words(line))
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Cmd {
        self.command.env(name, value);
        self
    }

    pub fn without(mut self, name: &str) -> Cmd {
        self.command.env_remove(name);
        self
    }

    /// Programs of a directory are found before those of the `PATH`.
    pub fn programs(self, dir: impl AsRef<Path>) -> Cmd {
        let path = std::env::var("PATH").unwrap_or_default();
        self.env("PATH", format!("{}:{path}", dir.as_ref().display()))
    }

    pub fn dir(mut self, dir: impl AsRef<Path>) -> Cmd {
        self.command.current_dir(dir);
        self
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Cmd {
        self.stdin = bytes.into();
        self
    }

    pub fn limit(mut self, limit: Duration) -> Cmd {
        self.limit = limit;
        self
    }

    /// Runs it and expects the exit code 0.
    pub fn ok(self) -> Result<Output> {
        self.exits(0)
    }

    /// Runs it and expects this exit code.
    pub fn exits(self, code: i32) -> Result<Output> {
        let output = self.run()?;
        ensure!(
            output.code == code,
            "exit code {} in place of {code}\n{output}",
            output.code
        );
        Ok(output)
    }

    /// Runs it until it has ended and nobody holds its stdout and stderr any more.
    pub fn run(self) -> Result<Output> {
        self.start()?.wait()
    }

    /// Starts it in a process group of its own.
    pub fn start(mut self) -> Result<Running> {
        let line = line_of(&self.command);
        let mut child = self
            .command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {line}"))?;
        let stdout = drain(child.stdout.take());
        let stderr = drain(child.stderr.take());
        if let Some(mut pipe) = child.stdin.take() {
            let bytes = self.stdin;
            // A program that does not read its input closes the pipe; that is its right.
            thread::spawn(move || pipe.write_all(&bytes).ok());
        }
        Ok(Running {
            line,
            child,
            stdout,
            stderr,
            deadline: Instant::now() + self.limit,
        })
    }

    /// The command itself, for callers that want other descriptors.
    pub fn into_command(self) -> Command {
        self.command
    }
}

/// A command that has been started.
#[derive(Debug)]
pub struct Running {
    line: String,
    child: Child,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
    deadline: Instant,
}

impl Running {
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        nix::sys::signal::kill(self.pid(), signal)
            .with_context(|| format!("signalling {}", self.line))
    }

    pub fn wait(mut self) -> Result<Output> {
        let stdout = self.stdout.recv_timeout(self.left());
        let stderr = self.stderr.recv_timeout(self.left());
        let status = self.status()?;
        let (Ok(stdout), Ok(stderr), Some(status)) = (stdout, stderr, status) else {
            // The group may have ended while something outside it still holds the pipes.
            killpg(self.pid(), Signal::SIGKILL).ok();
            self.child.wait()?;
            let what = if status.is_some() {
                "has ended, but its stdout or stderr is still held"
            } else {
                "has not ended in time"
            };
            bail!("{}: {what}", self.line);
        };
        Ok(Output {
            line: self.line,
            code: code_of(status),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }

    fn status(&mut self) -> Result<Option<ExitStatus>> {
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || self.left().is_zero() {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Reads to the end in a thread, so that a full pipe never stops the program.
fn drain(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe
            && pipe.read_to_end(&mut bytes).is_ok()
        {
            sender.send(bytes).ok();
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_command_that_does_not_end_is_an_error() {
        let error = Cmd::new("sleep")
            .arg("60")
            .limit(Duration::from_millis(50))
            .run();
        assert!(error.unwrap_err().to_string().contains("has not ended"));
    }

    #[test]
    fn a_pipe_held_by_a_stranger_is_an_error() {
        let left_behind = Cmd::new("sh").words("-c 'setsid sleep 1 & exit 0'");
        let error = left_behind.limit(Duration::from_millis(300)).run();
        assert!(error.unwrap_err().to_string().contains("still held"));
    }
}
