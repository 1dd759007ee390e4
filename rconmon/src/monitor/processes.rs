//! The two processes that matter: the runtime, and the container's first, which
//! the runtime leaves to the monitor as to its subreaper.

use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgid};

use crate::child::{self, Program, Reaped};
use crate::report;

#[derive(Clone, Copy, Default)]
pub(super) enum Process {
    #[default]
    Unknown,
    Running(Pid),
    Ended(i32),
}

#[derive(Default)]
pub(super) struct Processes {
    pub(super) runtime: Process,
    pub(super) container: Process,
    /// What the container's first process ran before it was started, if it was
    /// not started at once.
    runtime_init: Option<Program>,
    /// Ends seen before the container's pid was known.
    early_ends: Vec<(Pid, i32)>,
    /// The container, where it is not our child.
    pub(super) orphan: Option<OwnedFd>,
}

impl Processes {
    /// Takes note of the container's pid, once its pidfile is there.
    /// `is_waiting` if the runtime starts it only later, as after `create`.
    pub(super) fn learn_container(&mut self, pid: Pid, is_waiting: bool) {
        let ended = self.early_ends.iter().find(|(early, _)| *early == pid);
        self.container = match ended {
            Some((_, code)) => Process::Ended(*code),
            None => Process::Running(pid),
        };
        self.early_ends = Vec::new();
        self.runtime_init = child::program(pid).filter(|_| is_waiting);
    }

    /// False as long as the runtime's own program waits in the container for
    /// its start.
    pub(super) fn is_started(&self) -> bool {
        match self.container {
            Process::Unknown => false,
            Process::Running(pid) => {
                self.runtime_init.is_none() || child::program(pid) != self.runtime_init
            }
            Process::Ended(_) => true,
        }
    }

    /// Reaps all that has ended.
    pub(super) fn reap(&mut self) -> Result<()> {
        loop {
            match child::reap()? {
                Reaped::Child(pid, code) => self.note_end(pid, code),
                Reaped::NoneNow => return Ok(()),
                Reaped::NoChildren => {
                    self.watch_orphan();
                    return Ok(());
                }
            }
        }
    }

    fn note_end(&mut self, ended: Pid, code: i32) {
        match (self.runtime, self.container) {
            (Process::Running(pid), _) if pid == ended => self.runtime = Process::Ended(code),
            (_, Process::Running(pid)) if pid == ended => self.container = Process::Ended(code),
            (_, Process::Unknown) => self.early_ends.push((ended, code)),
            _ => {}
        }
    }

    /// Where the container turns out not to be our child.
    fn watch_orphan(&mut self) {
        if let Process::Running(pid) = self.container
            && self.orphan.is_none()
        {
            report::info(format_args!(
                "container process {pid} is not a child of the monitor"
            ));
            self.orphan = child::watch(pid);
            if self.orphan.is_none() {
                self.container = Process::Ended(0);
            }
        }
    }

    /// The orphan has ended; its code went to its own parent.
    pub(super) fn note_orphans_end(&mut self) {
        self.orphan = None;
        self.container = Process::Ended(0);
    }

    /// To the container, or to the runtime as long as there is none.
    pub(super) fn forward(&self, signal: Signal) {
        let target = match (self.container, self.runtime) {
            (Process::Running(pid), _) | (_, Process::Running(pid)) => pid,
            _ => return,
        };
        if let Err(errno) = kill(target, signal) {
            report::debug(format_args!("cannot send {signal} to {target}: {errno}"));
        }
    }

    /// Kills the container's whole process group, unless that would be everyone's.
    pub(super) fn kill_container(&self) {
        let Process::Running(pid) = self.container else {
            return;
        };
        let killed = match getpgid(Some(pid)) {
            Ok(group) if group.as_raw() > 1 => killpg(group, Signal::SIGKILL),
            _ => kill(pid, Signal::SIGKILL),
        };
        if let Err(errno) = killed {
            report::warn(format_args!("cannot kill {pid}: {errno}"));
        }
    }
}

/// Reads what the runtime has left in `--pid-file`.
pub(super) fn read_pid(path: &Path) -> Result<Pid> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let pid = text.trim().parse::<i32>().ok().filter(|pid| *pid > 0);
    let pid = pid.with_context(|| format!("{} holds no pid: '{text}'", path.display()))?;
    Ok(Pid::from_raw(pid))
}
