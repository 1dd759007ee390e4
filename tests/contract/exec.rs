//! Commands in a container that runs.

use std::thread::sleep;
use std::time::Duration;

use serde_json::json;
use tests::{Result, ensure};

use tests::monitor::stand_in;
use tests::monitor::{Case, Launch, is_gone};

fn exec<'a>(case: &'a Case, program: &str) -> Launch<'a> {
    case.container(program)
        .with("--exec --exec-process-spec /no/spec")
        .without("--exit-dir")
        .without("--persist-dir")
}

pub(crate) fn the_code_comes_after_the_pid(case: &Case) -> Result<()> {
    let mut watched = exec(case, "echo said; exit 9").begin()?;
    watched.container()?;
    let code = watched.sync.answer()?;
    ensure!(code == json!({"data": 9}), "{code}");
    watched.end()?;
    ensure!(
        watched.log()?.ends_with(" stdout F said\n"),
        "{}",
        watched.log()?
    );
    Ok(())
}

pub(crate) fn the_old_interface_answers_the_code_alone(case: &Case) -> Result<()> {
    let mut watched = exec(case, "exit 9").without_flag("--api-version").begin()?;
    let lines = watched.sync.rest()?;
    ensure!(lines == ["{\"exit_code\": 9}"], "{lines:?}");
    watched.end()
}

/// A runtime may end with the command's own code, so that the pidfile tells.
pub(crate) fn a_runtime_that_failed_is_told_from_a_command_that_did(case: &Case) -> Result<()> {
    case.since(&[2, 1, 11], "takes the code of an exec for the runtime's")?;
    let mut watched = exec(case, "exit 4").env(stand_in::CODE, "4").begin()?;
    watched.container()?;
    let code = watched.sync.answer()?;
    ensure!(code == json!({"data": 4}), "{code}");
    watched.end()?;

    std::fs::remove_file(case.path("pidfile"))?;
    std::fs::remove_file(case.path("monitor.pid"))?;
    case.since(
        &[2, 2, 1],
        "answers nothing when an exec's runtime has failed",
    )?;
    let mut watched = exec(case, "true")
        .env(stand_in::FAILS, "no such container")
        .begin()?;
    let answer = watched.sync.answer()?;
    ensure!(
        answer == json!({"data": -1, "message": "no such container"}),
        "{answer}"
    );
    watched.end()
}

pub(crate) fn an_attached_exec_waits_for_its_client(case: &Case) -> Result<()> {
    let mut watched = case
        .container("echo for the client")
        .attached()
        .with("--full-attach")
        .begin()?;
    let ready = watched.attach.answer()?;
    ensure!(ready == json!({"data": 0}), "{ready}");
    let client = tests::monitor::Client::connect(&case.path("bundle/attach"))?;
    sleep(Duration::from_millis(50));
    ensure!(
        !case.path("notes/arguments").exists(),
        "the runtime did not wait"
    );
    watched.let_go()?;
    watched.container()?;
    client.expect(2, b"for the client\n")?;
    let code = watched.sync.answer()?;
    ensure!(code == json!({"data": 0}), "{code}");
    watched.end()
}

pub(crate) fn a_timeout_is_told(case: &Case) -> Result<()> {
    let mut watched = exec(case, "exec sleep 600").with("-T 1").begin()?;
    let container = watched.container()?;
    let end = watched.sync.answer()?;
    ensure!(
        end == json!({"data": -1, "message": "command timed out"}),
        "{end}"
    );
    watched.end()?;
    tests::monitor::eventually("the command is killed", || is_gone(container))
}
