//! A monitor, its runtime and its container, each killed at every step.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tests::monitor::{Case, appears, eventually, is_gone, stand_in};
use tests::{Result, ensure};

/// Whatever a monitor leaves that was killed with all that it had started, the next one for the same container is not stopped by it.
pub(crate) fn a_killed_monitor_is_followed_by_the_next() -> Result<()> {
    for millis in 0..25 {
        let case = Case::new("rconmon")?;
        let mut first = case.container("echo first; exec sleep 600").begin()?;
        sleep(Duration::from_millis(millis));
        // It may be about to fork, and not have said who goes on.
        eventually("all of it is gone", || {
            let left = case.scratch.processes();
            for pid in &left {
                kill(*pid, Signal::SIGKILL).ok();
            }
            left.is_empty()
        })?;
        first.caller.wait()?;
        let mut second = case
            .container("echo second; exit 3")
            .created_only()
            .begin()?;
        second.container()?;
        let client = second.client()?;
        second.start()?;
        client.expect(2, b"second\n")?;
        second.end()?;
        let code = second.code()?;
        ensure!(code == "3", "{code}");
        let log = second.log()?;
        ensure!(log.ends_with(" stdout F second\n"), "{log}");
        ensure!(log.lines().count() <= 2, "{log}");
        let link = fs::read_dir(case.path("sockets"))?.count();
        ensure!(
            link == 0 && !case.path("bundle/attach").exists(),
            "a socket is left"
        );
    }
    Ok(())
}

/// The runtime dies with its monitor, and the container that it was making does not start.
pub(crate) fn a_killed_monitor_takes_its_runtime_along() -> Result<()> {
    let case = Case::new("rconmon")?;
    let mut watched = case.container("true").env(stand_in::STALLS, "1").begin()?;
    let runtime = Pid::from_raw(appears(&case.path("notes/pid"))?.parse()?);
    watched.signal(Signal::SIGKILL)?;
    watched.caller.wait()?;
    eventually("the runtime ends", || is_gone(runtime))
}

pub(crate) fn a_killed_runtime_is_told() -> Result<()> {
    let case = Case::new("rconmon")?;
    let mut watched = case
        .container("true")
        .env(stand_in::STALLS, "1")
        .with("--exit-command /bin/touch --exit-command-arg")
        .arg(case.path("cleaned"))
        .begin()?;
    let runtime = appears(&case.path("notes/pid"))?;
    kill(Pid::from_raw(runtime.parse()?), Signal::SIGKILL)?;
    let answer = watched.sync.answer()?;
    ensure!(answer == json!({"data": -1}), "{answer}");
    watched.end()?;
    ensure!(case.path("cleaned").exists(), "nobody cleans up");
    Ok(())
}

pub(crate) fn a_killed_container_is_told() -> Result<()> {
    for started in [false, true] {
        let case = Case::new("rconmon")?;
        let mut watched = case
            .container("echo up; exec sleep 600")
            .created_only()
            .begin()?;
        let container = watched.container()?;
        if started {
            watched.start()?;
            eventually("it is up", || {
                case.read("log").is_ok_and(|log| log.contains("up"))
            })?;
        }
        kill(container, Signal::SIGKILL)?;
        watched.end()?;
        let code = watched.code()?;
        ensure!(code == "137", "{code}");
        ensure!(
            !Path::new("/proc").join(container.to_string()).exists(),
            "a zombie is left"
        );
    }
    Ok(())
}
