//! A container's end: its code, the exit command, and what is left.

use std::fs;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::time::Instant;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use tests::{Result, ensure};

use tests::monitor::stand_in;
use tests::monitor::{Case, Launch, appears, eventually, is_gone};

/// An exit command that is a line for the shell.
fn afterwards<'a>(launch: Launch<'a>, line: &str) -> Launch<'a> {
    launch
        .with("--exit-command /bin/sh --exit-command-arg -c --exit-command-arg")
        .arg(line)
}

pub(crate) fn the_code_is_in_both_files_before_the_command_runs(case: &Case) -> Result<()> {
    let line = format!(
        "cp {}exits/* {}seen; cp {0}persist/exit {0}seen-too",
        case.path("").display(),
        case.path("").display()
    );
    let mut watched = afterwards(case.container("exit 7"), &line).begin()?;
    watched.container()?;
    watched.end()?;
    for name in ["seen", "seen-too", "persist/exit"] {
        let code = case.read(name)?;
        ensure!(code == "7", "{name} holds {code:?}");
    }
    let code = watched.code()?;
    ensure!(code == "7", "{code:?}");
    let exits = fs::read_dir(case.path("exits"))?.count();
    ensure!(exits == 1, "{exits} files in the exit directory");
    Ok(())
}

pub(crate) fn a_signal_counts_from_128(case: &Case) -> Result<()> {
    for (program, code) in [
        ("kill -9 $$", "137"),
        ("kill -TERM $$", "143"),
        ("exit 255", "255"),
        ("true", "0"),
    ] {
        let mut watched = case.container(program).begin()?;
        watched.container()?;
        watched.end()?;
        let said = watched.code()?;
        ensure!(said == code, "{program}: {said} in place of {code}");
    }
    Ok(())
}

pub(crate) fn the_command_has_its_arguments_and_nothing_open(case: &Case) -> Result<()> {
    let line = "printf '%s|' \"$0\" \"$@\" > $OUT; ls -l /proc/$$/fd > $OUT.fds; cat /proc/self/oom_score_adj > $OUT.score";
    let mut watched = afterwards(case.container("true"), line)
        .with("--exit-command-arg zero --exit-command-arg --rm --exit-command-arg")
        .arg("two words")
        .env("OUT", case.path("out"))
        .begin()?;
    watched.container()?;
    watched.end()?;
    let words = case.read("out")?;
    ensure!(words == "zero|--rm|two words|", "{words}");
    let fds = case.read("out.fds")?;
    let above: Vec<&str> = fds
        .lines()
        .filter_map(|line| line.split_whitespace().nth(8))
        .filter(|fd| fd.parse().is_ok_and(|fd: u32| (3..10).contains(&fd)))
        .collect();
    ensure!(above.is_empty(), "{fds}");
    ensure!(fds.matches("/dev/null").count() >= 2, "{fds}");
    let score = case.read("out.score")?;
    ensure!(
        score == fs::read_to_string("/proc/self/oom_score_adj")?,
        "the score is {score}"
    );
    Ok(())
}

pub(crate) fn the_command_waits_for_the_delay(case: &Case) -> Result<()> {
    let mut watched = afterwards(case.container("true"), "echo > $OUT")
        .with("--exit-delay 1")
        .env("OUT", case.path("out"))
        .begin()?;
    watched.container()?;
    watched.code()?;
    let known = Instant::now();
    ensure!(!case.path("out").exists(), "the command did not wait");
    appears(&case.path("out"))?;
    ensure!(
        known.elapsed().as_millis() > 800,
        "it came after {:?}",
        known.elapsed()
    );
    watched.end()
}

pub(crate) fn the_command_follows_a_runtime_that_failed(case: &Case) -> Result<()> {
    let mut watched = afterwards(case.container("true"), "echo cleaned > $OUT")
        .env("OUT", case.path("out"))
        .env(stand_in::FAILS, "no")
        .begin()?;
    watched.sync.answer()?;
    appears(&case.path("out"))?;
    watched.end()
}

pub(crate) fn a_timeout_kills(case: &Case) -> Result<()> {
    let mut watched = case
        .container("trap '' TERM; while :; do sleep 1; done")
        .with("-T 1")
        .begin()?;
    let container = watched.container()?;
    let code = watched.code()?;
    ensure!(code == "-1", "{code}");
    watched.end()?;
    eventually("the container is killed", || is_gone(container))
}

pub(crate) fn signals_are_passed_on(case: &Case) -> Result<()> {
    for (signal, code) in [
        (Signal::SIGTERM, "10"),
        (Signal::SIGINT, "11"),
        (Signal::SIGQUIT, "12"),
    ] {
        let mut watched = case
            .container("trap 'exit 10' TERM; trap 'exit 11' INT; trap 'exit 12' QUIT; echo ready; while :; do sleep 0.02; done")
            .begin()?;
        watched.container()?;
        eventually("the traps are set", || {
            case.read("log").is_ok_and(|log| log.contains("ready"))
        })?;
        watched.signal(signal)?;
        watched.end()?;
        let said = watched.code()?;
        ensure!(said == code, "{signal}: {said} in place of {code}");
        fs::remove_file(case.path("log"))?;
    }
    Ok(())
}

/// What the container's processes leave behind are the monitor's children.
pub(crate) fn orphans_are_reaped(case: &Case) -> Result<()> {
    let mut watched = case
        .container("(sleep 0.05 & echo $! > $OUT); read line")
        .with("-i")
        .env("OUT", case.path("out"))
        .begin()?;
    watched.container()?;
    let client = watched.client()?;
    let orphan = appears(&case.path("out"))?;
    watched.signal(Signal::SIGUSR1)?;
    eventually("the orphan is reaped", || {
        !std::path::Path::new("/proc").join(orphan.trim()).exists()
    })?;
    client.write(b"go\n")?;
    watched.end()
}

/// An engine keeps a published port's socket open in the monitor, and wants it back before it hears of the end.
pub(crate) fn descriptors_are_free_before_the_exit_is_known(case: &Case) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let socket = std::fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd()))?;
    let mut watched = afterwards(case.container("exit 1").created_only(), "sleep 600")
        .streams(
            OwnedFd::from(listener),
            std::fs::File::open("/dev/null")?.into(),
        )
        .through(&["sh", "-c", "exec 7<&0 </dev/null; exec \"$@\"", "sh"])
        .begin()?;
    watched.container()?;
    ensure!(
        TcpListener::bind(address).is_err(),
        "the port is free too early"
    );
    let monitor = watched.monitor()?;
    watched.start()?;
    watched.code()?;
    if TcpListener::bind(address).is_err() {
        // A child of another test may hold it as well, for as long as it takes to become a program.
        ensure!(!holds(monitor, &socket), "the monitor holds the port still");
        eventually("the port is free", || TcpListener::bind(address).is_ok())?;
    }
    Ok(())
}

/// Whether the process, or a child of its own, has this descriptor open.
fn holds(process: Pid, socket: &Path) -> bool {
    let children = format!("/proc/{process}/task/{process}/children");
    let children = fs::read_to_string(children).unwrap_or_default();
    let mut family = children
        .split_whitespace()
        .map(str::to_owned)
        .chain([process.to_string()]);
    family.any(|pid| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"));
        descriptors
            .into_iter()
            .flatten()
            .flatten()
            .any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == socket))
    })
}

pub(crate) fn nothing_is_left_in_the_bundle_to_connect_to(case: &Case) -> Result<()> {
    let mut watched = case.container("true").created_only().begin()?;
    watched.container()?;
    for name in ["attach", "ctl", "winsz"] {
        ensure!(
            case.path("bundle").join(name).exists(),
            "no {name} in the bundle"
        );
    }
    watched.start()?;
    watched.end()?;
    ensure!(
        !case.path("bundle/attach").exists(),
        "the socket is still there"
    );
    case.since(&[2, 2], "leaves the link behind")?;
    let link = case.path("sockets").join(case.cid());
    ensure!(link.symlink_metadata().is_err(), "the link is still there");
    Ok(())
}
