//! The first process of a container or a pod: catatonit and rpause.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::command::Running;
use tests::monitor::eventually;
use tests::trial::{Trial, trial_on};
use tests::{Cmd, Result, Scratch, ensure, ours, peer};

type Contract = fn(&Path) -> Result<()>;

const CONTRACTS: &[(&str, Contract)] = &[
    ("the_programs_code_is_its_own", the_programs_code_is_its_own),
    ("signals_are_passed_on", signals_are_passed_on),
    (
        "a_group_gets_signals_where_asked",
        a_group_gets_signals_where_asked,
    ),
    ("orphans_are_reaped", orphans_are_reaped),
    ("a_pause_ends_with_a_signal", a_pause_ends_with_a_signal),
    ("a_pause_reaps", a_pause_reaps),
    ("mistakes_are_told", mistakes_are_told),
];

pub(crate) fn contracts() -> Vec<Trial> {
    let find = |name: &str| -> Result<PathBuf> {
        match name {
            "rpause" => ours(name),
            _ => peer(name),
        }
    };
    let mut trials = Vec::new();
    for program in ["catatonit", "rpause"] {
        for (name, test) in CONTRACTS {
            trials.push(trial_on(program, name, move || test(&find(program)?)));
        }
    }
    trials
}

/// It as the init of a pid namespace of its own.
fn as_init(program: &Path) -> Cmd {
    Cmd::new("unshare")
        .args(["--pid", "--fork", "--kill-child"])
        .arg(program)
}

fn children(pid: Pid) -> Vec<Pid> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let pids = list.split_whitespace().filter_map(|pid| pid.parse().ok());
    pids.map(Pid::from_raw).collect()
}

/// The init, once it is the only child of unshare and runs its own program.
fn init_of(unshare: &Running) -> Result<Pid> {
    let mut init = Vec::new();
    eventually("there is an init", || {
        init = children(unshare.pid());
        !init.is_empty()
    })?;
    // Between its start and its signal mask there is nothing to wait for.
    sleep(Duration::from_millis(100));
    Ok(init[0])
}

fn the_programs_code_is_its_own(program: &Path) -> Result<()> {
    as_init(program).words("-- sh -c 'exit 7'").exits(7)?;
    as_init(program).words("-- sh -c 'kill -9 $$'").exits(137)?;
    as_init(program).words("true").ok()?;
    let through = as_init(program).words("-- cat -").stdin("through\n").ok()?;
    through.is("through")?;
    Ok(())
}

fn signals_are_passed_on(program: &Path) -> Result<()> {
    for (signal, code) in [
        (Signal::SIGTERM, 3),
        (Signal::SIGUSR1, 4),
        (Signal::SIGHUP, 5),
    ] {
        let scratch = Scratch::new()?;
        let line = "trap 'exit 3' TERM; trap 'exit 4' USR1; trap 'exit 5' HUP; echo > $UP; while :; do sleep 0.02; done";
        let running = as_init(program)
            .args(["--", "sh", "-c", line])
            .env("UP", scratch.path("up"))
            .start()?;
        tests::monitor::appears(&scratch.path("up"))?;
        kill(init_of(&running)?, signal)?;
        let ended = running.wait()?;
        ensure!(ended.code == code, "{signal}\n{ended}");
    }
    Ok(())
}

/// The shell ignores what ends its child.
fn a_group_gets_signals_where_asked(program: &Path) -> Result<()> {
    let scratch = Scratch::new()?;
    let line = "trap : TERM; echo > $UP; sleep 600; exit 6";
    let running = as_init(program)
        .args(["-g", "--", "sh", "-c", line])
        .env("UP", scratch.path("up"))
        .start()?;
    tests::monitor::appears(&scratch.path("up"))?;
    let init = init_of(&running)?;
    kill(init, Signal::SIGTERM)?;
    let ended = running.wait()?;
    ensure!(ended.code == 6, "{ended}");
    Ok(())
}

fn orphans_are_reaped(program: &Path) -> Result<()> {
    let line = "for n in 1 2 3 4 5 6 7 8 9; do (sleep 0.1 &); done; read over; exit 2";
    let (reader, writer) = std::io::pipe()?;
    let mut command = as_init(program)
        .args(["--", "sh", "-c", line])
        .into_command();
    let mut unshare = command.stdin(reader).spawn()?;
    let pid = Pid::from_raw(unshare.id().cast_signed());
    eventually("there are orphans", || {
        children(pid)
            .first()
            .is_some_and(|init| children(*init).len() > 1)
    })?;
    let init = children(pid)[0];
    eventually("they are reaped", || children(init).len() == 1)?;
    drop(writer);
    let code = unshare.wait()?.code();
    ensure!(code == Some(2), "{code:?}");
    Ok(())
}

fn a_pause_ends_with_a_signal(program: &Path) -> Result<()> {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let running = as_init(program).arg("-P").start()?;
        let init = init_of(&running)?;
        for harmless in [Signal::SIGHUP, Signal::SIGCHLD, Signal::SIGUSR1] {
            kill(init, harmless)?;
        }
        sleep(Duration::from_millis(20));
        kill(init, signal)?;
        let ended = running.wait()?;
        ensure!(ended.code == 0, "{signal}\n{ended}");
    }
    Ok(())
}

fn a_pause_reaps(program: &Path) -> Result<()> {
    let running = as_init(program).arg("-P").start()?;
    let init = init_of(&running)?;
    Cmd::new("nsenter")
        .args(["-t", &init.to_string(), "-p", "sh", "-c"])
        .arg("for n in 1 2 3 4 5; do (true &); done")
        .ok()?;
    eventually("nothing is left", || children(init).is_empty())?;
    kill(init, Signal::SIGTERM)?;
    running.wait()?;
    Ok(())
}

fn mistakes_are_told(program: &Path) -> Result<()> {
    let missing = as_init(program).words("-- no-such-program").exits(1)?;
    ensure!(!missing.stderr.is_empty(), "{missing}");
    let unknown = as_init(program).words("-x true").exits(1)?;
    unknown.complains("x")?;
    let version = as_init(program).arg("--version").ok()?;
    version.says("tini version ")?;
    Ok(())
}
