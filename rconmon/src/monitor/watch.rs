//! What the monitor holds while it watches one container, and in which order it
//! waits for things.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::setsid;

use super::processes::{Process, Processes, read_pid};
use crate::attach::Attach;
use crate::child::{self, Launch};
use crate::console::ConsoleSocket;
use crate::control::{Fifo, Size};
use crate::log::Logs;
use crate::notify::Relay;
use crate::oom::{self, ScoreAdjust};
use crate::parent::{Answers, Pipe};
use crate::poll::Poller;
use crate::report;
use crate::runtime;
use crate::settings::Settings;
use crate::streams::{Batch, Outcome, RuntimeEnds, Stream, Streams};

/// How long nothing must happen before memory is given back: once, then nothing
/// wakes the monitor.
pub(super) const QUIET: Duration = Duration::from_millis(500);

/// Everything the loop serves.
pub(super) struct Monitor<'a> {
    pub(super) settings: &'a Settings,
    pub(super) logs: Logs,
    pub(super) signals: SignalFd,
    pub(super) streams: Streams,
    pub(super) batch: Batch,
    /// A batch that not every client has yet.
    pub(super) undelivered: bool,
    pub(super) attach: Option<Attach>,
    pub(super) fifos: Option<[Fifo; 2]>,
    pub(super) console: Option<ConsoleSocket>,
    /// A size that came before the terminal.
    pub(super) early_size: Option<Size>,
    pub(super) relay: Option<Relay>,
    pub(super) oom: Option<oom::Watch>,
    pub(super) poller: Poller,
    /// When it will have been quiet for long enough to wait with less in memory.
    pub(super) quiet_at: Option<Instant>,
    pub(super) processes: Processes,
}

/// How a container's watch came to its end.
pub(super) enum End {
    Exited(i32),
    TimedOut,
}

impl<'a> Monitor<'a> {
    /// Leaves the caller's session, opens all that others may connect to, and
    /// starts the runtime.
    pub(super) fn start(
        settings: &'a Settings,
        logs: Logs,
        start: Option<Pipe>,
        before: &Before<'_>,
    ) -> Result<Self> {
        let mut attach_answers = attach_pipe(settings)?;
        let passthrough = settings.log.passthrough;
        if !passthrough {
            child::detach_streams(before.null)?;
        }
        match setsid() {
            // A caller's child that leads its own session already stays in it.
            Ok(_) | Err(Errno::EPERM) => {}
            Err(errno) => return Err(errno).context("Failed to create a session"),
        }
        set_child_subreaper(true).context("Failed to set as subreaper")?;
        let mask = block_signals()?;
        let (mut monitor, ends) = Self::open(settings, logs)?;
        if let Some(answers) = &mut attach_answers {
            answers.send(0, None)?;
        }
        let console = monitor.console.as_ref().map(ConsoleSocket::path);
        let command = runtime::command_line(settings, console.as_deref())?;
        report::trace(format_args!("calling runtime args: {command:?}"));
        let runtime = child::launch(Launch {
            command: &command,
            streams: (!passthrough).then_some(ends),
            null: before.null,
            mask: &mask,
            score: before.score,
            replace_listen_pid: settings.options.replace_listen_pid,
            start: start.filter(|_| settings.options.exec_attach),
        })?;
        if passthrough {
            child::detach_streams(before.null)?;
        }
        monitor.processes.runtime = Process::Running(runtime);
        Ok(monitor)
    }

    /// From the runtime's end to the container's.
    pub(super) fn watch(&mut self, answers: &mut Answers) -> Result<End> {
        self.wait_for_runtime()?;
        self.learn_container(answers)?;
        let end = self.wait_for_container()?;
        self.finish(&end)?;
        Ok(end)
    }

    fn open(settings: &'a Settings, logs: Logs) -> Result<(Self, RuntimeEnds)> {
        let options = &settings.options;
        let signals = SignalFd::with_flags(
            &watched_signals(),
            SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK,
        )
        .context("Failed to create signalfd")?;
        let relay = match (&options.sdnotify_socket, &settings.bundle) {
            (Some(host), Some(bundle)) => Some(Relay::open(bundle, host)?),
            _ => None,
        };
        let console = options.terminal.then(ConsoleSocket::open).transpose()?;
        let (streams, ends) = if settings.log.passthrough {
            Default::default()
        } else {
            Streams::open(options.terminal, options.stdin)?
        };
        let (attach, fifos) = match settings.bundle.as_deref() {
            Some(bundle) if !settings.log.passthrough => (
                Some(Attach::listen(bundle, settings)?),
                Some([Fifo::control(bundle)?, Fifo::window_size(bundle)?]),
            ),
            _ => (None, None),
        };
        let monitor = Self {
            settings,
            logs,
            signals,
            streams,
            batch: Batch::new(),
            undelivered: false,
            attach,
            fifos,
            console,
            early_size: None,
            relay,
            oom: None,
            poller: Poller::default(),
            quiet_at: None,
            processes: Processes::default(),
        };
        Ok((monitor, ends))
    }

    fn wait_for_runtime(&mut self) -> Result<()> {
        while let Process::Running(_) = self.processes.runtime {
            self.turn(false, None)?;
        }
        // The terminal may still be on its way when the runtime has ended.
        self.receive_terminal()
    }

    /// Finds out whether the container is there, and answers the caller.
    fn learn_container(&mut self, answers: &mut Answers) -> Result<()> {
        let code = match self.processes.runtime {
            Process::Ended(code) => code,
            _ => -1,
        };
        let exec = self.settings.options.exec;
        let path = &self.settings.container_pidfile;
        // A runtime's exec may end with the command's own code, but only once it
        // has written the pidfile.
        if code != 0 && !exec {
            answers.send(-1, self.streams.complaint(&mut self.batch).as_deref())?;
            bail!("Failed to create container: exit status {code}");
        }
        if self.settings.options.terminal && self.streams.terminal().is_none() && code == 0 {
            answers.send(-1, Some("Runtime did not set up terminal"))?;
            bail!("Runtime did not set up terminal");
        }
        let pid = match read_pid(path) {
            Ok(pid) => pid,
            Err(error) => {
                let error = format!("{error:#}");
                let complaint = self.streams.complaint(&mut self.batch);
                answers.send(-1, Some(complaint.as_deref().unwrap_or(&error)))?;
                bail!("Failed to read pidfile: {error}");
            }
        };
        let is_waiting = !exec && self.settings.options.restore.is_none();
        report::debug(format_args!("container PID: {pid}"));
        self.processes.learn_container(pid, is_waiting);
        if !exec || self.settings.options.api_version {
            answers.send(pid.as_raw(), None)?;
        }
        self.oom = oom::Watch::open(pid);
        self.quiet_at = Some(Instant::now() + QUIET);
        Ok(())
    }

    fn wait_for_container(&mut self) -> Result<End> {
        let timeout = self.settings.options.timeout.unwrap_or(0);
        let timeout = u64::try_from(timeout).unwrap_or(0);
        let deadline = (timeout > 0).then(|| Instant::now() + Duration::from_secs(timeout));
        // The signal of a container that ended early may have been read already.
        self.processes.reap()?;
        loop {
            if let Process::Ended(code) = self.processes.container {
                report::info(format_args!("container exited with status {code}"));
                return Ok(End::Exited(code));
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                report::info(format_args!("timed out after {timeout} s"));
                return Ok(End::TimedOut);
            }
            self.turn(true, deadline)?;
        }
    }

    /// Drains what the container has left, or kills it if its time is up.
    fn finish(&mut self, end: &End) -> Result<()> {
        if self.oom.as_mut().is_some_and(oom::Watch::check) {
            oom::mark(self.settings);
        }
        match end {
            End::TimedOut => self.processes.kill_container(),
            End::Exited(_) => {
                // It may have ended before the first look at who is there.
                self.accept();
                self.drain(Stream::Stdout)?;
                self.drain(Stream::Stderr)?;
            }
        }
        self.logs.finish(!self.settings.options.no_sync_log);
        Ok(())
    }

    fn drain(&mut self, stream: Stream) -> Result<()> {
        loop {
            while self.undelivered {
                self.turn(true, None)?;
            }
            if self.streams.read(stream, &mut self.batch) != Outcome::Data {
                return Ok(());
            }
            self.pass_on();
        }
    }
}

/// What was there before the monitor changed anything about itself.
pub(super) struct Before<'a> {
    pub(super) null: &'a OwnedFd,
    pub(super) score: &'a ScoreAdjust,
}

/// The attach pipe's writer, which an attached exec must have.
fn attach_pipe(settings: &Settings) -> Result<Option<Answers>> {
    if !settings.options.exec_attach {
        return Ok(None);
    }
    match Pipe::from_env("_OCI_ATTACHPIPE")? {
        Some(pipe) => Ok(Some(Answers::new(Some(pipe), settings.sync_key()))),
        None => bail!("--attach specified but _OCI_ATTACHPIPE was not"),
    }
}

/// Blocks what the loop reads from its signalfd; returns the mask from before.
fn block_signals() -> Result<SigSet> {
    let before = SigSet::thread_get_mask().context("Failed to block signals")?;
    watched_signals()
        .thread_block()
        .context("Failed to block signals")?;
    Ok(before)
}

fn watched_signals() -> SigSet {
    SigSet::from_iter([
        Signal::SIGCHLD,
        Signal::SIGUSR1,
        Signal::SIGTERM,
        Signal::SIGQUIT,
        Signal::SIGINT,
    ])
}
