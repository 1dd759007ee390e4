//! The terminal and the control fifos.

use std::fs;
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;
use tests::{Result, ensure};

use tests::monitor::stand_in;
use tests::monitor::{Case, Watched, eventually};

fn tell(case: &Case, fifo: &str, line: &str) -> Result<()> {
    let mut fifo = fs::OpenOptions::new()
        .write(true)
        .open(case.path("bundle").join(fifo))?;
    Ok(fifo.write_all(line.as_bytes())?)
}

/// A container that says its terminal's size whenever it changes.
fn sized(case: &Case) -> Result<Watched<'_>> {
    let mut watched = case
        .container("was=; while :; do is=$(stty size); [ \"$is\" = \"$was\" ] || echo size $is; was=$is; sleep 0.02; done")
        .with("-t")
        .begin()?;
    watched.container()?;
    eventually("there is a size", || {
        case.read("log").is_ok_and(|log| log.contains("size "))
    })?;
    Ok(watched)
}

fn end(mut watched: Watched<'_>) -> Result<()> {
    watched.signal(nix::sys::signal::Signal::SIGTERM)?;
    watched.end()
}

fn shows(case: &Case, text: &str) -> Result<()> {
    eventually(text, || {
        case.read("log").is_ok_and(|log| log.contains(text))
    })
}

pub(crate) fn a_terminal_is_resized(case: &Case) -> Result<()> {
    case.since(&[2, 2], "reads one line at a time")?;
    let watched = sized(case)?;
    tell(case, "ctl", "1 24 80\n")?;
    shows(case, "size 24 80\r")?;
    tell(case, "winsz", "30 90\n")?;
    shows(case, "size 30 90\r")?;
    tell(case, "ctl", "1 40 100\n1 50 110\n")?;
    shows(case, "size 50 110\r")?;
    end(watched)
}

/// Between the monitor's start and the terminal's arrival.
pub(crate) fn the_size_may_come_first(case: &Case) -> Result<()> {
    let mut watched = case.container("stty size").with("-t").attached().begin()?;
    watched.attach.answer()?;
    tell(case, "ctl", "1 21 71\n")?;
    watched.let_go()?;
    watched.container()?;
    watched.end()?;
    // The command may have looked before the monitor had read the line.
    let log = watched.log()?;
    ensure!(
        log.contains(" F 21 71\r\n") || log.contains(" F 0 0\r\n"),
        "{log}"
    );
    Ok(())
}

pub(crate) fn bad_lines_change_nothing(case: &Case) -> Result<()> {
    case.since(&[2, 2], "is stopped by bad lines")?;
    let watched = sized(case)?;
    for line in [
        "1 -1 -1",
        "foo",
        "999",
        "999 2 2",
        "1 1001 1",
        "1 0x10 0x20",
        "1 10.5 20.3",
        "1 2",
    ] {
        tell(case, "ctl", &format!("{line}\n"))?;
    }
    // conmon drops what it has read behind a bad line.
    eventually("a good line is heard", || {
        sleep(Duration::from_millis(20));
        tell(case, "ctl", "1 3 4\n").is_ok()
            && case.read("log").is_ok_and(|log| log.contains("size 3 4\r"))
    })?;
    let log = case.read("log")?;
    ensure!(log.matches("size ").count() == 2, "{log}");
    end(watched)
}

pub(crate) fn the_log_is_opened_anew(case: &Case) -> Result<()> {
    let mut watched = case
        .container("echo before; read line; echo after")
        .with("-i")
        .begin()?;
    watched.container()?;
    shows(case, "before")?;
    fs::rename(case.path("log"), case.path("moved"))?;
    tell(case, "ctl", "2 0 0\n")?;
    eventually("there is a new log", || case.path("log").exists())?;
    watched.client()?.write(b"go\n")?;
    watched.end()?;
    let (moved, log) = (case.read("moved")?, watched.log()?);
    ensure!(
        moved.contains("before") && !moved.contains("after"),
        "{moved}"
    );
    ensure!(log.contains("after") && !log.contains("before"), "{log}");
    Ok(())
}

pub(crate) fn a_terminal_ends_lines_with_two_bytes(case: &Case) -> Result<()> {
    let mut watched = case
        .container("stty -echo; echo out; read line; echo got $line >&2; exit 3")
        .with("-t -i")
        .created_only()
        .begin()?;
    watched.container()?;
    let client = watched.client()?;
    watched.start()?;
    client.expect(2, b"out\r\n")?;
    client.write(b"typed\n")?;
    // There is one stream only.
    client.expect(2, b"got typed\r\n")?;
    let code = watched.code()?;
    ensure!(code == "3", "{code}");
    watched.end()
}

pub(crate) fn a_runtime_without_a_terminal_is_refused(case: &Case) -> Result<()> {
    case.since(&[2, 2], "closes the pipe without an answer")?;
    let mut watched = case
        .container("true")
        .with("-t")
        .env(stand_in::SILENT, "1")
        .begin()?;
    let answer = watched.sync.answer()?;
    let expected = json!({"data": -1, "message": "Runtime did not set up terminal"});
    ensure!(answer == expected, "{answer}");
    watched.end()
}
