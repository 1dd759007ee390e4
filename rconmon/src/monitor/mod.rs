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

mod events;
mod processes;
mod watch;

use std::fs::File;
use std::os::fd::OwnedFd;

use anyhow::{Context, Result};
use nix::sys::stat::{Mode, umask};
use nix::unistd::ForkResult;

use crate::args::Options;
use crate::child;
use crate::exit;
use crate::files::{Durability, write_whole};
use crate::log::Logs;
use crate::oom::ScoreAdjust;
use crate::parent::{Answers, Pipe};
use crate::settings::Settings;
use watch::{Before, End, Monitor};

const TIMED_OUT: &str = "command timed out";

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
    let before = Before {
        null: &null,
        score: &score,
    };
    // Before the runtime has been started there is nothing to clean up.
    let mut monitor = Monitor::start(&settings, logs, start, &before)?;
    let result = monitor.watch(&mut answers);
    // Of what is open, nothing is ours any more when all is closed.
    drop(monitor);
    drop(null);
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
