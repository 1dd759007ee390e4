//! One monitor under test, and one container that it watches.
//!
//! The runtime is the test program itself, see [`stand_in`]: whoever uses this module calls [`stand_in::run_if_called`] first.

mod client;
pub mod stand_in;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo, pipe2};
use serde_json::Value;

use crate::command::Cmd;
use crate::programs::{ours, peer};
use crate::scratch::Scratch;
use crate::trial::skip;
pub use client::Client;

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
        Launch {
            case: self,
            wrapper: Vec::new(),
            args: line.split(' ').map(OsString::from).collect(),
            log: format!("k8s-file:{}", self.path("log").display()),
            env: vec![(stand_in::PROGRAM.into(), program.into())],
            stdin: None,
            stdout: None,
            started: true,
            attached: false,
        }
    }
}

/// A monitor that is still to be started.
#[derive(Debug)]
pub struct Launch<'a> {
    case: &'a Case,
    wrapper: Vec<OsString>,
    args: Vec<OsString>,
    log: String,
    env: Vec<(OsString, OsString)>,
    stdin: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    started: bool,
    attached: bool,
}

impl<'a> Launch<'a> {
    /// More words, without quotes.
    pub fn with(mut self, line: &str) -> Launch<'a> {
        self.args
            .extend(line.split_whitespace().map(OsString::from));
        self
    }

    pub fn arg(mut self, arg: impl Into<OsString>) -> Launch<'a> {
        self.args.push(arg.into());
        self
    }

    /// Takes away an option that has a value.
    pub fn without(mut self, option: &str) -> Launch<'a> {
        if let Some(at) = self.args.iter().position(|arg| arg == option) {
            self.args.drain(at..at + 2);
        }
        self
    }

    /// Takes away a flag.
    pub fn without_flag(mut self, option: &str) -> Launch<'a> {
        self.args.retain(|arg| arg != option);
        self
    }

    /// In place of the log file.
    pub fn log(mut self, driver: &str) -> Launch<'a> {
        self.log = driver.to_owned();
        self
    }

    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Launch<'a> {
        self.env.push((name.into(), value.into()));
        self
    }

    /// An exec for a client that is yet to come.
    pub fn attached(mut self) -> Launch<'a> {
        self.attached = true;
        self.with("--exec --exec-attach --exec-process-spec /no/spec")
    }

    /// The container waits for [`Watched::start`], as between `create` and `start`.
    pub fn created_only(self) -> Launch<'a> {
        let gate = self.case.path("gate");
        self.env(stand_in::GATE, gate)
    }

    /// The monitor waits for [`Watched::let_go`].
    pub fn held(mut self) -> Launch<'a> {
        self.started = false;
        self
    }

    pub fn streams(mut self, stdin: OwnedFd, stdout: OwnedFd) -> Launch<'a> {
        self.stdin = Some(stdin);
        self.stdout = Some(stdout);
        self
    }

    /// A program that the monitor is started through.
    pub fn through(mut self, wrapper: &[&str]) -> Launch<'a> {
        self.wrapper = wrapper.iter().map(OsString::from).collect();
        self
    }

    pub fn begin(self) -> Result<Watched<'a>> {
        let case = self.case;
        // An earlier monitor's pid is not to be taken for this one's: the caller may write it after the first answer.
        for stale in ["monitor.pid", "pidfile"] {
            match fs::remove_file(case.path(stale)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        let (start_end, start) = pipe2(OFlag::O_CLOEXEC)?;
        let (sync, sync_end) = pipe2(OFlag::O_CLOEXEC)?;
        let (attach, attach_end) = pipe2(OFlag::O_CLOEXEC)?;
        let start_end = out_of_the_shells_way(&start_end)?;
        let sync_end = out_of_the_shells_way(&sync_end)?;
        let attach_end = out_of_the_shells_way(&attach_end)?;
        let mut words = self.wrapper;
        words.push(case.program.clone().into());
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args(self.args)
            .arg("-r")
            .arg(std::env::current_exe()?)
            .args(["-l", &self.log])
            .current_dir(case.path("runtime"))
            .env(stand_in::CALLED, case.path("notes"))
            .env("_OCI_STARTPIPE", start_end.as_raw_fd().to_string())
            .env("_OCI_SYNCPIPE", sync_end.as_raw_fd().to_string())
            .envs(self.env)
            .stdin(self.stdin.map_or_else(Stdio::null, Stdio::from))
            .stdout(self.stdout.map_or_else(Stdio::null, Stdio::from))
            .stderr(File::create(case.path("stderr"))?);
        let mut inherited = vec![start_end.as_raw_fd(), sync_end.as_raw_fd()];
        if self.attached {
            command.env("_OCI_ATTACHPIPE", attach_end.as_raw_fd().to_string());
            inherited.push(attach_end.as_raw_fd());
        }
        // SAFETY: between fork and exec only system calls are made, on descriptors that are open.
        unsafe {
            command.pre_exec(move || {
                // What this program was itself given by its caller is not the monitor's.
                libc::syscall(
                    libc::SYS_close_range,
                    3,
                    u32::MAX,
                    libc::CLOSE_RANGE_CLOEXEC,
                );
                // Nor is what a shell has its background jobs ignore: nobody below could catch it.
                for signal in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP] {
                    nix::sys::signal::signal(signal, SigHandler::SigDfl)?;
                }
                for fd in &inherited {
                    let fd = std::os::fd::BorrowedFd::borrow_raw(*fd);
                    fcntl(fd, FcntlArg::F_SETFD(FdFlag::empty()))?;
                }
                Ok(())
            });
        }
        let caller = command.spawn().context("starting the monitor")?;
        let mut watched = Watched {
            case,
            caller,
            start: Some(start.into()),
            sync: Lines::new(sync),
            attach: Lines::new(attach),
        };
        if self.started {
            watched.let_go()?;
        }
        Ok(watched)
    }
}

/// The same pipe under a number of two digits: a wrapper's script redirects descriptors of one digit as it likes.
fn out_of_the_shells_way(end: &OwnedFd) -> Result<OwnedFd> {
    let copy = fcntl(end, FcntlArg::F_DUPFD_CLOEXEC(20))?;
    // SAFETY: the descriptor was just made for us, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// A monitor that has been started.
#[derive(Debug)]
pub struct Watched<'a> {
    case: &'a Case,
    pub caller: Child,
    start: Option<File>,
    pub sync: Lines,
    pub attach: Lines,
}

impl Watched<'_> {
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

/// The reading end of a pipe that carries a line of JSON an answer.
#[derive(Debug)]
pub struct Lines {
    pipe: File,
    buffer: Vec<u8>,
    /// What was read as answers, for messages.
    seen: Vec<String>,
}

impl Lines {
    pub fn new(pipe: OwnedFd) -> Lines {
        Lines {
            pipe: pipe.into(),
            buffer: Vec::new(),
            seen: Vec::new(),
        }
    }

    pub fn answer(&mut self) -> Result<Value> {
        let line = self
            .line()?
            .context("the pipe was closed without an answer")?;
        serde_json::from_str(&line).with_context(|| format!("not JSON: {line}"))
    }

    /// The next line without its end; None where the pipe is closed.
    pub fn line(&mut self) -> Result<Option<String>> {
        loop {
            if let Some(at) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=at).collect();
                let line = String::from_utf8(line)?.trim_end().to_owned();
                self.seen.push(line.clone());
                return Ok(Some(line));
            }
            if !self.fill()? {
                ensure!(self.buffer.is_empty(), "a torn line on the pipe");
                return Ok(None);
            }
        }
    }

    /// All lines up to the end of the pipe.
    pub fn rest(&mut self) -> Result<Vec<String>> {
        while self.fill()? {}
        let text = String::from_utf8_lossy(&self.buffer).into_owned();
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn fill(&mut self) -> Result<bool> {
        let mut fds = [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)];
        if poll(&mut fds, PollTimeout::try_from(LIMIT)?)? == 0 {
            bail!("no answer within {LIMIT:?}, after {:?}", self.seen);
        }
        let mut chunk = [0; 4096];
        match self.pipe.read(&mut chunk) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}
