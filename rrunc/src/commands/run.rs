//! `run`: create, start, and unless detached wait and delete.

use std::os::fd::OwnedFd;
use std::process::ExitCode;

use anyhow::{Context, Result};

use super::create::{Hold, Made, make};
use super::delete;
use super::foreground::Foreground;
use super::notify::Notify;
use super::request::Request;
use super::terminal::{self, Relay};
use crate::birth::{self, NotExecuted, Surroundings};
use crate::cli::{Global, Run};
use crate::container::{Container, Root, State, Status};
use crate::log::Log;

/// Run a container; returns its exit code.
///
/// # Errors
/// Any step up to the program's start; nothing is left of the container then.
pub(super) fn run(root: &Root, options: &Run, global: &Global, log: &Log) -> Result<ExitCode> {
    birth::seal()?;
    let mut request = Request::read(root, &options.create, global)?;
    let console = request.console_for_run(&options.create, options.detach)?;
    run_with(root, options, &mut request, console, log).context("rrunc run failed")
}

fn run_with(
    root: &Root,
    options: &Run,
    request: &mut Request,
    console: Option<OwnedFd>,
    log: &Log,
) -> Result<ExitCode> {
    // Before the child is there: its end must not be missed.
    let foreground = if options.detach {
        None
    } else {
        Some(Foreground::prepare()?)
    };
    if foreground.is_some() && !options.no_subreaper {
        nix::sys::prctl::set_child_subreaper(true).context("become a subreaper")?;
    }
    let (console, relay) = match foreground.is_some() && request.wants_terminal() {
        true => terminal::pair().map(|(theirs, ours)| (Some(theirs), Some(ours)))?,
        false => (console, None),
    };
    let Made {
        mut container,
        state,
        newborn,
    } = make(root, &options.create, request, console, Hold::No, log)?;
    // Before the program can write to it.
    let relay = relay.map(Relay::begin).transpose();
    let listening = request.notify.take().map(Notify::listen).transpose();
    let started = relay.and_then(|relay| {
        let listening = listening?.flatten();
        Ok((newborn.go_to_program()?, relay, listening))
    });
    let (pid, relay, listening) = match started {
        Ok(started) => started,
        Err(error) => {
            delete::destroy(container, &state, log)?;
            if let (Some(reason), false) = (error.downcast_ref::<NotExecuted>(), options.detach) {
                // The container ran, and this is what it came to.
                eprintln!("{reason}");
                return Ok(ExitCode::from(NotExecuted::CODE));
            }
            return Err(error.context("unable to start container process"));
        }
    };
    container.unlock()?;
    birth::run_hooks(
        "poststart",
        &request.spec.hooks.poststart,
        &state.for_hooks(Status::Running),
        &Surroundings::at(&state.bundle),
    )
    .or_else(|error| give_up(&container, &state, error))?;
    let Some(foreground) = foreground else {
        if let Some(listening) = listening {
            listening.pass_on(pid)?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    if let Some(listening) = listening {
        listening.pass_on_meanwhile(pid)?;
    }
    let code = foreground.wait(pid, relay)?;
    if !options.keep {
        delete::destroy(container, &state, log)?;
    }
    Ok(code)
}

/// A container whose poststart hook failed is not to run on.
fn give_up(container: &Container, state: &State, error: anyhow::Error) -> Result<()> {
    delete::stop(container, state)?;
    Err(error)
}
