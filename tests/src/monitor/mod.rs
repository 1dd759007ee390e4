//! One monitor under test, and one container that it watches.
//!
//! The runtime is the test program itself, see [`stand_in`]: whoever uses this module calls [`stand_in::run_if_called`] first.

mod client;
mod launch;
mod lines;
pub mod stand_in;
mod watched;

use std::fs::{self};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};

use crate::command::Cmd;
use crate::programs::{ours, peer};
use crate::scratch::Scratch;
use crate::trial::skip;
pub use client::Client;
pub use launch::Launch;
pub use lines::Lines;
pub use watched::Watched;

pub const LIMIT: Duration = Duration::from_secs(30);

/// A monitor, and a directory for what one test does with it.
#[derive(Debug)]
pub struct Case {
    pub program: PathBuf,
    version: Vec<u32>,
    pub scratch: Scratch,
}

impl Case {
    pub fn new(monitor: &str) -> Result<Case> {
        let program = match monitor {
            "rconmon" => ours(monitor)?,
            _ => peer(monitor)?,
        };
        let said = Cmd::new(&program).arg("--version").ok()?.stdout;
        let version = said
            .split_whitespace()
            .nth(2)
            .context("no version")?
            .split('.')
            .map(|part| part.parse().unwrap_or(0))
            .collect();
        let scratch = Scratch::new()?;
        for dir in ["bundle", "exits", "persist", "notes", "sockets", "runtime"] {
            fs::create_dir(scratch.path(dir))?;
        }
        mkfifo(&scratch.path("gate"), Mode::S_IRWXU)?;
        Ok(Case {
            program,
            version,
            scratch,
        })
    }

    /// Ends the test where the monitor is older than what it asks for.
    pub fn since(&self, version: &[u32], what: &str) -> Result<()> {
        if self.version.as_slice() >= version {
            return Ok(());
        }
        let shown: Vec<String> = self.version.iter().map(u32::to_string).collect();
        skip(format!("conmon {} {what}", shown.join(".")))
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.scratch.path(name)
    }

    pub fn read(&self, name: impl AsRef<Path>) -> Result<String> {
        let path = self.path(name);
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub fn cid(&self) -> String {
        self.scratch.id("container")
    }

    /// The monitor with these words alone, in a place of its own.
    pub fn say(&self, line: &str) -> Cmd {
        Cmd::new(&self.program).dir(self.path("")).words(line)
    }

    /// A monitor for a container that runs `program`.
    pub fn container(&self, program: &str) -> Launch<'_> {
        let line = format!(
            "--api-version 1 -c {cid} -u {cid} -n name -b {dir}bundle -p {dir}pidfile -P {dir}monitor.pid --exit-dir {dir}exits \
             --persist-dir {dir}persist --socket-dir-path {dir}sockets",
            cid = self.cid(),
            dir = self.path("").display(),
        );
        Launch::new(self, &line, program)
    }
}

/// True once a process has ended, whether it was waited for or not.
pub fn is_gone(pid: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = status.rsplit(") ").next().unwrap_or_default();
    state.is_empty() || state.starts_with('Z') || state.starts_with('X')
}

pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + LIMIT;
    while !is_so() {
        ensure!(Instant::now() < deadline, "not so within {LIMIT:?}: {what}");
        sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// The text of a file that is to appear, and that is not empty.
pub fn appears(path: &Path) -> Result<String> {
    let mut text = String::new();
    eventually(&format!("{} is there", path.display()), || {
        text = fs::read_to_string(path).unwrap_or_default();
        !text.is_empty()
    })?;
    Ok(text)
}
