//! A monitor that has been started, and what it does.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::Child;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Case, Client, Lines, appears, eventually, is_gone};

/// A monitor that has been started.
#[derive(Debug)]
pub struct Watched<'a> {
    case: &'a Case,
    pub caller: Child,
    start: Option<File>,
    pub sync: Lines,
    pub attach: Lines,
}

impl<'a> Watched<'a> {
    /// `start` is our end of the start pipe, `sync` and `attach` of those on which it answers.
    pub(super) fn new(
        case: &'a Case,
        caller: Child,
        start: OwnedFd,
        sync: OwnedFd,
        attach: OwnedFd,
    ) -> Watched<'a> {
        Watched {
            case,
            caller,
            start: Some(start.into()),
            sync: Lines::new(sync),
            attach: Lines::new(attach),
        }
    }

    /// Writes a byte on the start pipe.
    pub fn let_go(&mut self) -> Result<()> {
        let start = self.start.as_mut().context("no start pipe")?;
        start.write_all(b"x").context("writing on the start pipe")
    }

    /// A new client, by the link in the directory of sockets.
    pub fn client(&self) -> Result<Client> {
        Client::connect(
            &self
                .case
                .path("sockets")
                .join(self.case.cid())
                .join("attach"),
        )
    }

    /// The container's pid, from the sync pipe.
    pub fn container(&mut self) -> Result<Pid> {
        let answer = self.sync.answer()?;
        let pid = answer["data"].as_i64().context("no pid")?;
        ensure!(pid > 0, "{answer} in place of a pid");
        Ok(Pid::from_raw(pid as i32))
    }

    /// The monitor's own pid, from its pidfile.
    pub fn monitor(&self) -> Result<Pid> {
        let text = appears(&self.case.path("monitor.pid"))?;
        Ok(Pid::from_raw(text.parse()?))
    }

    /// Lets a container that is created only become its program.
    pub fn start(&self) -> Result<()> {
        File::open(self.case.path("gate")).context("opening the gate")?;
        Ok(())
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill(self.monitor()?, signal)?)
    }

    /// Waits until the monitor and the process that was started first have gone.
    pub fn end(&mut self) -> Result<()> {
        self.start = None;
        self.caller.wait()?;
        self.sync.rest()?;
        // The runtime may have failed before there was a monitor.
        if let Ok(text) = fs::read_to_string(self.case.path("monitor.pid")) {
            let pid = Pid::from_raw(text.parse()?);
            eventually("the monitor ends", || is_gone(pid))?;
        }
        Ok(())
    }

    /// The exit code that was left for others.
    pub fn code(&self) -> Result<String> {
        appears(&self.case.path("exits").join(self.case.cid()))
    }

    pub fn log(&self) -> Result<String> {
        self.case.read("log")
    }
}
