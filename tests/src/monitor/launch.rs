//! A monitor's arguments, pipes and environment, and its start.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sys::signal::{SigHandler, Signal};
use nix::unistd::pipe2;

use super::{Case, Watched, stand_in};

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
    /// Of these words, for a container that runs `program`.
    pub(super) fn new(case: &'a Case, line: &str, program: &str) -> Launch<'a> {
        Launch {
            case,
            wrapper: Vec::new(),
            args: line.split(' ').map(OsString::from).collect(),
            log: format!("k8s-file:{}", case.path("log").display()),
            env: vec![(stand_in::PROGRAM.into(), program.into())],
            stdin: None,
            stdout: None,
            started: true,
            attached: false,
        }
    }

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
        let mut watched = Watched::new(case, caller, start, sync, attach);
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
