//! The start pipe and the sync pipe.

use std::thread::sleep;
use std::time::Duration;

use serde_json::json;
use tests::{Result, ensure};

use tests::monitor::stand_in;
use tests::monitor::{Case, is_gone};

pub(crate) fn the_pid_is_answered(case: &Case) -> Result<()> {
    for (api, key) in [("--api-version", "data"), ("", "pid")] {
        let mut watched = case
            .container("exec sleep 600")
            .without_flag("--api-version")
            .with(api)
            .begin()?;
        let line = watched.sync.line()?.unwrap_or_default();
        let pid = case.read("pidfile")?;
        ensure!(
            line == format!("{{\"{key}\": {pid}}}"),
            "{line} for pid {pid}"
        );
        watched.signal(nix::sys::signal::Signal::SIGTERM)?;
        let rest = watched.sync.rest()?;
        ensure!(
            rest.is_empty(),
            "a container's end is answered with {rest:?}"
        );
        watched.end()?;
    }
    Ok(())
}

pub(crate) fn nothing_happens_before_the_start_byte(case: &Case) -> Result<()> {
    let mut watched = case.container("true").held().begin()?;
    sleep(Duration::from_millis(100));
    for name in ["monitor.pid", "notes/arguments", "bundle/ctl"] {
        ensure!(!case.path(name).exists(), "{name} is there already");
    }
    watched.let_go()?;
    watched.container()?;
    watched.end()?;
    ensure!(
        case.path("notes/arguments").exists(),
        "the runtime was not called"
    );
    Ok(())
}

pub(crate) fn a_failed_runtime_is_answered_with_its_own_words(case: &Case) -> Result<()> {
    case.since(&[2, 1, 13], "does not escape all control characters")?;
    let words = "cannot \"start\" C:\\path\twith\u{1b}[1m colour\u{7f}, déjà vu\nand more\n";
    let mut watched = case.container("true").env(stand_in::FAILS, words).begin()?;
    let answer = watched.sync.answer()?;
    ensure!(answer == json!({"data": -1, "message": words}), "{answer}");
    watched.end()?;
    ensure!(
        !case.path("exits").join(case.cid()).exists(),
        "a container that never was has an exit code"
    );
    Ok(())
}

pub(crate) fn a_missing_pidfile_is_answered(case: &Case) -> Result<()> {
    case.since(&[2, 2], "closes the pipe without an answer")?;
    let mut watched = case
        .container("true")
        .without("-p")
        .with("-p /no/such/dir/pidfile")
        .env(stand_in::PROGRAM, "exit")
        .env(stand_in::FAILS, "")
        .env(stand_in::CODE, "0")
        .begin()?;
    let answer = watched.sync.answer()?;
    ensure!(answer["data"] == -1, "{answer}");
    watched.end()
}

pub(crate) fn a_caller_that_does_not_listen_is_no_obstacle(case: &Case) -> Result<()> {
    case.since(&[2, 2], "gives up where nobody listens")?;
    let (reader, _) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    let mut watched = case.container("exit 3").created_only().held().begin()?;
    // Drops the real reading end before the monitor has anything to say.
    watched.sync = tests::monitor::Lines::new(reader);
    watched.let_go()?;
    let monitor = watched.monitor()?;
    watched.start()?;
    let code = watched.code()?;
    ensure!(code == "3", "{code}");
    tests::monitor::eventually("the monitor ends", || is_gone(monitor))
}
