//! The monitor's life, told in order:
//!
//! ```text
//! caller ─▶ check options, open the log, wait for the start pipe
//!        ─▶ fork; the first process writes the monitor's pidfile and ends
//!        ─▶ own session, subreaper; console socket or pipes; attach socket, fifos
//!        ─▶ start the runtime; wait for its end (and for the terminal)
//!        ─▶ read the container's pidfile, answer on the sync pipe
//!        ─▶ copy streams until the container ends or its time is up
//!        ─▶ drain, sync the log; exit files; answer; exit command
//! ```

use std::fs::File;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{ForkResult, Pid, getpgid, setsid};

use crate::args::Options;
use crate::attach::{Attach, Policy};
use crate::child::{self, Launch, Program, Reaped};
use crate::console::{self, ConsoleSocket};
use crate::control::{Command, Fifo, Size};
use crate::exit;
use crate::files::{Durability, write_whole};
use crate::log::Logs;
use crate::memory;
use crate::notify::Relay;
use crate::oom::{self, ScoreAdjust};
use crate::parent::{Answers, Pipe};
use crate::poll::{Poller, READ, Ready, Token, WRITE};
use crate::report;
use crate::runtime;
use crate::settings::Settings;
use crate::streams::{Batch, Outcome, RuntimeEnds, Stream, Streams};

/// How long nothing must happen before code is given back: once, then nothing
/// wakes the monitor.
const QUIET: Duration = Duration::from_millis(500);

const TIMED_OUT: &str = "command timed out";

/// Everything the loop serves.
struct Monitor<'a> {
    settings: &'a Settings,
    logs: Logs,
    signals: SignalFd,
    streams: Streams,
    batch: Batch,
    /// A batch that not every client has yet.
    undelivered: bool,
    attach: Option<Attach>,
    fifos: Option<[Fifo; 2]>,
    console: Option<ConsoleSocket>,
    /// A size that came before the terminal.
    early_size: Option<Size>,
    relay: Option<Relay>,
    oom: Option<oom::Watch>,
    poller: Poller,
    /// When to give back the code that waiting does not need, if it is there.
    release_at: Option<Instant>,
    /// What the container's first process ran before it was started.
    runtime_init: Option<Program>,
    runtime: Process,
    container: Process,
    /// Ends seen before the container's pid was known.
    early_ends: Vec<(Pid, i32)>,
    /// The container, where it is not our child.
    orphan: Option<OwnedFd>,
}

#[derive(Clone, Copy)]
enum Process {
    Unknown,
    Running(Pid),
    Ended(i32),
}

/// Monitors one container from its creation to its end; the exit code is the
/// container's.
pub(crate) fn run(options: Options) -> Result<u8> {
    umask(Mode::from_bits_retain(0o022));
    let settings = Settings::check(options)?;
    let logs = Logs::open(&settings.log)?;
    let score = ScoreAdjust::protect();
    let mut start = Pipe::from_env("_OCI_STARTPIPE")?;
    if let Some(start) = &mut start {
        // The caller may want to put us into a cgroup first.
        start.wait()?;
    }
    let null = File::options().read(true).write(true).open("/dev/null");
    let null = OwnedFd::from(null.context("Failed to open /dev/null")?);
    if !settings.options.sync && !enter_background(&settings)? {
        return Ok(0);
    }
    let mut answers = Answers::new(Pipe::from_env("_OCI_SYNCPIPE")?, settings.sync_key());
    let result = watch(&settings, logs, start, &null, &score, &mut answers);
    conclude(&settings, &score, answers, result)
}

/// Forks; true in the process that goes on.
fn enter_background(settings: &Settings) -> Result<bool> {
    match child::fork_here()? {
        ForkResult::Child => Ok(true),
        ForkResult::Parent { child } => {
            if let Some(path) = &settings.options.conmon_pidfile {
                write_whole(path, child.to_string().as_bytes(), Durability::Volatile)?;
            }
            Ok(false)
        }
    }
}

/// How a container's watch came to its end.
enum End {
    Exited(i32),
    TimedOut,
}

fn watch(
    settings: &Settings,
    logs: Logs,
    start: Option<Pipe>,
    null: &OwnedFd,
    score: &ScoreAdjust,
    answers: &mut Answers,
) -> Result<End> {
    let mut attach_answers = attach_pipe(settings)?;
    let passthrough = settings.log.passthrough;
    if !passthrough {
        child::detach_streams(null)?;
    }
    match setsid() {
        // A caller's child that leads its own session already stays in it.
        Ok(_) | Err(Errno::EPERM) => {}
        Err(errno) => return Err(errno).context("Failed to create a session"),
    }
    set_child_subreaper(true).context("Failed to set as subreaper")?;

    let mask = block_signals()?;
    let (mut monitor, ends) = Monitor::open(settings, logs)?;
    if let Some(answers) = &mut attach_answers {
        answers.send(0, None)?;
    }
    let console = monitor.console.as_ref().map(ConsoleSocket::path);
    let runtime = child::launch(Launch {
        command: &runtime::command_line(settings, console.as_deref())?,
        streams: (!passthrough).then_some(ends),
        null,
        mask: &mask,
        score,
        replace_listen_pid: settings.options.replace_listen_pid,
        start: start.filter(|_| settings.options.exec_attach),
    })?;
    if passthrough {
        child::detach_streams(null)?;
    }
    monitor.runtime = Process::Running(runtime);
    monitor.wait_for_runtime()?;
    monitor.learn_container(answers)?;
    let end = monitor.wait_for_container()?;
    monitor.finish(&end)?;
    Ok(end)
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

/// Records the end, tells the caller, runs the exit command.
fn conclude(
    settings: &Settings,
    score: &ScoreAdjust,
    mut answers: Answers,
    result: Result<End>,
) -> Result<u8> {
    let concluded = result.and_then(|end| {
        let (code, message) = match end {
            End::Exited(code) => (code, None),
            End::TimedOut => (-1, Some(TIMED_OUT)),
        };
        exit::close_all_but(answers.raw());
        exit::record(settings, code)?;
        if settings.options.exec {
            answers.send(code, message)?;
        }
        Ok(code)
    });
    drop(answers);
    // The command cleans up after a runtime that failed, too.
    match (concluded, exit::run_command(settings, score)?) {
        (Err(error), _) => Err(error),
        (Ok(code), 0) => Ok(code as u8),
        (Ok(_), failed) => Ok(failed as u8),
    }
}

impl<'a> Monitor<'a> {
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
            release_at: None,
            runtime_init: None,
            runtime: Process::Unknown,
            container: Process::Unknown,
            early_ends: Vec::new(),
            orphan: None,
        };
        Ok((monitor, ends))
    }

    fn wait_for_runtime(&mut self) -> Result<()> {
        while let Process::Running(_) = self.runtime {
            self.turn(false, None)?;
        }
        // The terminal may still be on its way when the runtime has ended.
        self.receive_terminal()
    }

    /// Finds out whether the container is there, and answers the caller.
    fn learn_container(&mut self, answers: &mut Answers) -> Result<()> {
        let code = match self.runtime {
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
        let ended = self.early_ends.iter().find(|(early, _)| *early == pid);
        self.container = match ended {
            Some((_, code)) => Process::Ended(*code),
            None => Process::Running(pid),
        };
        self.early_ends = Vec::new();
        if !exec || self.settings.options.api_version {
            answers.send(pid.as_raw(), None)?;
        }
        self.oom = oom::Watch::open(pid);
        self.runtime_init = child::program(pid);
        self.release_at = Some(Instant::now() + QUIET);
        Ok(())
    }

    fn wait_for_container(&mut self) -> Result<End> {
        let timeout = u64::try_from(self.settings.options.timeout).unwrap_or(0);
        let deadline = (timeout > 0).then(|| Instant::now() + Duration::from_secs(timeout));
        // The signal of a container that ended early may have been read already.
        self.reap()?;
        loop {
            if let Process::Ended(code) = self.container {
                return Ok(End::Exited(code));
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
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
        match (end, self.container) {
            (End::TimedOut, Process::Running(pid)) => kill_group(pid),
            _ => {
                self.drain(Stream::Stdout)?;
                self.drain(Stream::Stderr)?;
            }
        }
        self.logs.finish(!self.settings.options.no_sync_log);
        self.attach.as_ref().map_or(Ok(()), Attach::remove)
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

    /// One wait and all that it brings.
    fn turn(&mut self, reading: bool, deadline: Option<Instant>) -> Result<()> {
        self.poller.clear();
        self.poller.add(&self.signals, READ, Token::Signal);
        let now = Instant::now();
        if self.release_at.is_some_and(|at| at <= now) {
            self.release_at = None;
            memory::release_code();
        }
        let pause = self.streams.deadline(now);
        // While a client is behind, output waits in the pipe.
        if reading && !self.undelivered {
            self.streams.poll(&mut self.poller);
        }
        self.add_others();
        let patience = self.attach.as_ref().and_then(Attach::deadline);
        let next = [deadline, pause, patience, self.release_at]
            .into_iter()
            .flatten()
            .min();
        let timeout = next.map(|next| next.saturating_duration_since(now));
        self.poller
            .wait(timeout)
            .context("cannot wait for events")?;

        if reading && self.poller.any_ready() {
            self.release_at = Some(Instant::now() + QUIET);
        }
        let mut index = 0;
        while let Some((token, ready)) = self.poller.get(index) {
            if ready.any() {
                self.serve(token, ready)?;
            }
            index += 1;
        }
        if let Some(attach) = &mut self.attach {
            attach.sweep(Instant::now());
            if self.undelivered {
                self.undelivered = !attach.deliver(&self.batch);
            }
        }
        Ok(())
    }

    fn add_others(&mut self) {
        let poller = &mut self.poller;
        if let Some(console) = &self.console {
            poller.add(&console.listener, READ, Token::Console);
        }
        if let Some(attach) = &self.attach {
            attach.poll(poller, &self.batch);
            if let Some(stdin) = self.streams.stdin.as_ref().filter(|_| attach.has_input()) {
                poller.add(stdin, WRITE, Token::Stdin);
            }
        }
        if let Some([control, window_size]) = &self.fifos {
            poller.add(&control.reader, READ, Token::Control);
            poller.add(&window_size.reader, READ, Token::WindowSize);
        }
        if let Some(oom) = &self.oom {
            poller.add(oom.fd(), READ, Token::Oom);
        }
        if let Some(relay) = &self.relay {
            poller.add(&relay.container, READ, Token::Notify);
        }
        if let Some(orphan) = &self.orphan {
            poller.add(orphan, READ, Token::Orphan);
        }
    }

    fn serve(&mut self, token: Token, ready: Ready) -> Result<()> {
        match token {
            Token::Signal => self.serve_signals()?,
            Token::Console => self.receive_terminal()?,
            Token::Stdout => self.serve_stream(Stream::Stdout, ready),
            Token::Stderr => self.serve_stream(Stream::Stderr, ready),
            Token::Stdin => {
                if let Some(attach) = &mut self.attach {
                    attach.pass_input(&mut self.streams);
                }
            }
            Token::AttachListener => {
                let owner = !self.is_started();
                if let Some(attach) = &mut self.attach {
                    attach.accept(&self.batch, owner);
                }
            }
            Token::Client(index) => {
                let policy = self.policy();
                if let Some(attach) = &mut self.attach {
                    attach.serve(index, ready, &mut self.streams, policy);
                }
            }
            Token::Control => self.serve_fifo(0),
            Token::WindowSize => self.serve_fifo(1),
            Token::Oom => {
                if self.oom.as_mut().is_some_and(oom::Watch::check) {
                    oom::mark(self.settings);
                }
            }
            Token::Notify => {
                if let Some(relay) = &mut self.relay {
                    relay.serve();
                }
            }
            Token::Orphan => {
                self.orphan = None;
                // Its code went to its own parent.
                self.container = Process::Ended(0);
            }
        }
        Ok(())
    }

    /// False as long as the runtime's own program waits in the container for
    /// its start.
    fn is_started(&self) -> bool {
        match self.container {
            Process::Unknown => false,
            Process::Running(pid) => child::program(pid) != self.runtime_init,
            Process::Ended(_) => true,
        }
    }

    fn policy(&self) -> Policy {
        let options = &self.settings.options;
        Policy {
            client_closes_stdin: options.stdin && !options.leave_stdin_open,
        }
    }

    fn serve_stream(&mut self, stream: Stream, ready: Ready) {
        // A batch that has just been read may not be behind for everyone yet.
        if !self.undelivered && self.streams.serve(stream, ready, &mut self.batch) {
            self.pass_on();
        }
    }

    fn pass_on(&mut self) {
        self.logs.write(self.batch.stream, self.batch.bytes());
        if let Some(attach) = &mut self.attach {
            attach.begin();
            self.undelivered = !attach.deliver(&self.batch);
        }
    }

    fn serve_fifo(&mut self, which: usize) {
        let Some(fifos) = &mut self.fifos else {
            return;
        };
        fifos[which].serve(|command| match command {
            Command::ReopenLogs => self.logs.reopen(),
            Command::Resize(size) => match self.streams.terminal() {
                Some(terminal) => console::resize(terminal, size),
                None => self.early_size = Some(size),
            },
        });
    }

    fn receive_terminal(&mut self) -> Result<()> {
        let Some(console) = &self.console else {
            return Ok(());
        };
        let Some(terminal) = console.receive()? else {
            return Ok(());
        };
        self.streams.take_terminal(terminal)?;
        self.console = None;
        if let (Some(size), Some(terminal)) = (self.early_size.take(), self.streams.terminal()) {
            console::resize(terminal, size);
        }
        Ok(())
    }

    fn serve_signals(&mut self) -> Result<()> {
        while let Some(info) = self
            .signals
            .read_signal()
            .context("Failed to read from signalfd")?
        {
            let Ok(signal) = Signal::try_from(info.ssi_signo.cast_signed()) else {
                continue;
            };
            if matches!(signal, Signal::SIGTERM | Signal::SIGQUIT | Signal::SIGINT) {
                self.forward(signal);
            }
        }
        self.reap()
    }

    /// To the container, or to the runtime as long as there is none.
    fn forward(&self, signal: Signal) {
        let target = match (self.container, self.runtime) {
            (Process::Running(pid), _) | (_, Process::Running(pid)) => pid,
            _ => return,
        };
        if let Err(errno) = kill(target, signal) {
            report::debug(format_args!("cannot send {signal} to {target}: {errno}"));
        }
    }

    fn reap(&mut self) -> Result<()> {
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
}

/// The whole process group, unless that would be everyone's.
fn kill_group(pid: Pid) {
    let killed = match getpgid(Some(pid)) {
        Ok(group) if group.as_raw() > 1 => killpg(group, Signal::SIGKILL),
        _ => kill(pid, Signal::SIGKILL),
    };
    if let Err(errno) = killed {
        report::warn(format_args!("cannot kill {pid}: {errno}"));
    }
}

fn read_pid(path: &std::path::Path) -> Result<Pid> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let pid = text.trim().parse::<i32>().ok().filter(|pid| *pid > 0);
    let pid = pid.with_context(|| format!("{} holds no pid: '{text}'", path.display()))?;
    Ok(Pid::from_raw(pid))
}
