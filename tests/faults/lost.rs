//! What watched a container is gone, or what was noted about it, and the container is not: nothing that is said of it is a lie, and
//! it can be ended.

use std::fs;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::registry::Access;
use tests::stack::Parts;
use tests::{Context as _, Result, Stack, ensure, ours, peer, until};

use crate::engine::nothing_is_left;
use crate::strike::{Blow, Whom, strike};

const STATE: &str = "inspect --format {{.State.Status}}:{{.State.ExitCode}} orphan";

/// What is done with a container whose monitor was killed, and how it is afterwards.
const ORPHANS: [(&[&str], &str, &str); 8] = [
    (&["run -d"], "kill orphan", "exited:137"),
    (&["run -d"], "stop -t 0 orphan", "exited:137"),
    (&["run -d"], "restart -t 0 orphan", "running:0"),
    (&["run -d"], "exec orphan true", "running:0"),
    (&["run -d", "pause orphan"], "rm -f -t 0 orphan", ""),
    (&["run -d", "pause orphan"], "unpause orphan", "running:0"),
    (&["create", "init orphan"], "stop orphan", "exited:137"),
    (&["create", "init orphan"], "start orphan", "running:0"),
];

pub(crate) fn a_container_without_its_monitor_is_told_of_rightly() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for (made, command, state) in ORPHANS {
        let pid = orphan(&stack, made)?;
        stack
            .rpod("wait --condition running,paused,initialized orphan")
            .ok()?;
        stack.rpod(command).ok()?;
        if command.starts_with("kill") {
            stack.rpod("wait orphan").ok()?;
        }
        let during = || format!("{command} after {made:?}");
        if state.is_empty() {
            stack.rpod("ps -aq").ok()?.is("").with_context(during)?;
        } else {
            stack.rpod(STATE).ok()?.is(state).with_context(during)?;
        }
        let runs = state.starts_with("running");
        ensure!(runs || !lives(pid), "it lives after {}", during());
        stack.rpod("rm -f -t 0 orphan").ok()?;
    }
    nothing_is_left(&stack)
}

/// Where nobody is left who knows the exit code, that is said, and no other code.
pub(crate) fn who_waits_for_an_orphan_hears_of_its_end() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for (end, code) in [("stop -t 0 orphan", "137"), ("stop -t 5 orphan", "255")] {
        stack
            .rpod("run -d --name orphan alpine sh -c 'trap exit TERM; while :; do sleep 0.1; done'")
            .ok()?;
        kill_monitor(&stack)?;
        let waits = stack.rpod("wait orphan").start()?;
        stack.rpod(end).ok()?;
        // Who sees its end before it is noted knows no code.
        let first = waits.wait()?;
        ensure!([code, "255"].contains(&first.text()), "{first}");
        stack.rpod("wait orphan").ok()?.is(code)?;
        let finished = "inspect --format {{.State.FinishedAt}} orphan";
        stack.rpod(finished).ok()?.hides("0001-")?;
        stack.rpod("rm orphan").ok()?;
    }
    nothing_is_left(&stack)
}

/// A start that was killed may have started it: `stop` does not say that there is nothing to stop.
pub(crate) fn stop_ends_what_a_killed_start_has_left() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for nth in 0.. {
        stack.rpod("create --name victim alpine sleep 600").ok()?;
        let start = stack.rpod("start victim").into_command();
        let outcome = strike(start, Whom::Command, Blow::KillAtChange, nth)?;
        stack.rpod("stop -t 0 victim").ok()?;
        let left = sleepers(&stack);
        ensure!(left == 0, "{left} run after {outcome:?} at {nth}");
        stack.rpod("ps -q").ok()?.is("")?;
        stack.rpod("rm victim").ok()?;
        if outcome.hit.is_none() {
            break;
        }
    }
    nothing_is_left(&stack)
}

/// The directory in memory is emptied, and the machine goes on: what runs is seen, and ended by what is told to end it.
pub(crate) fn a_lost_run_directory_hides_nothing() -> Result<()> {
    for runtime in [ours("rrunc"), peer("runc")] {
        let Ok(runtime) = runtime else { continue };
        let parts = Parts {
            runtime,
            ..Parts::ours()?
        };
        let stack = Stack::of(parts, Access::Plain)?;
        stack.pull("alpine:latest")?;
        for (command, state) in [
            ("exec orphan true", "running:0"),
            ("pause orphan", "paused:0"),
            ("start orphan", "running:0"),
            ("stop -t 0 orphan", "exited:137"),
            ("kill orphan", "exited:137"),
            ("rm -f -t 0 orphan", ""),
        ] {
            let pid = run(&stack, &["run -d"])?;
            lose_run_directory(&stack)?;
            stack.rpod(STATE).ok()?.is("running:0")?;
            stack.rpod("rm orphan").exits(2)?;
            stack.rpod(command).ok()?;
            if !state.is_empty() {
                if command.starts_with("kill") {
                    stack.rpod("wait orphan").ok()?;
                }
                stack.rpod(STATE).ok()?.is(state).with_context(|| command)?;
            }
            lose_run_directory(&stack)?;
            stack.rpod("rm -f -t 0 orphan").ok()?;
            ensure!(!lives(pid), "it lives after {command}");
        }
        nothing_is_left(&stack)?;
    }
    Ok(())
}

/// What the runtime keeps of it elsewhere keeps no container from its start, and goes with it.
pub(crate) fn a_runtime_that_was_not_told_of_the_end_is_told() -> Result<()> {
    for runtime in [ours("rrunc"), peer("runc")] {
        let Ok(runtime) = runtime else { continue };
        let parts = Parts {
            runtime: runtime.clone(),
            ..Parts::ours()?
        };
        let stack = Stack::of(parts, Access::Plain)?;
        stack.pull("alpine:latest")?;
        for (made, command) in [
            (&["run -d"][..], "start orphan"),
            (&["run -d"], "rm orphan"),
            (&["create", "init orphan"], "start orphan"),
            (&["create", "init orphan"], "stop orphan"),
            (&["create", "init orphan"], "rm orphan"),
        ] {
            let pid = orphan(&stack, made)?;
            let id = stack.rpod("inspect --format {{.Id}} orphan").ok()?;
            if made.len() == 1 {
                end(pid)?;
            }
            lose_run_directory(&stack)?;
            stack.rpod(command).ok()?;
            stack.rpod("rm -f -t 0 orphan").ok()?;
            ensure!(!lives(pid), "it lives after {command}");
            let kept = Path::new("/run")
                .join(runtime.file_name().unwrap_or_default())
                .join(id.text());
            ensure!(!kept.exists(), "{} is left by {command}", kept.display());
        }
        nothing_is_left(&stack)?;
    }
    Ok(())
}

/// Its first process is waited for until the monitor's death has been noticed.
fn orphan(stack: &Stack, made: &[&str]) -> Result<Pid> {
    let pid = run(stack, made)?;
    kill_monitor(stack)?;
    Ok(pid)
}

fn run(stack: &Stack, made: &[&str]) -> Result<Pid> {
    let (first, rest) = made.split_first().context("how it is made")?;
    stack
        .rpod(&format!("{first} --name orphan alpine sleep 600"))
        .ok()?;
    for line in rest {
        stack.rpod(line).ok()?;
    }
    pid_of(stack, "{{.State.Pid}}")
}

fn kill_monitor(stack: &Stack) -> Result<()> {
    let file = stack.scratch.path("runroot/containers");
    let id = stack.rpod("inspect --format {{.Id}} orphan").ok()?;
    let pid = fs::read_to_string(file.join(id.text()).join("conmon.pid"))?;
    Ok(kill(Pid::from_raw(pid.trim().parse()?), Signal::SIGKILL)?)
}

fn pid_of(stack: &Stack, field: &str) -> Result<Pid> {
    let pid = stack
        .rpod(&format!("inspect --format {field} orphan"))
        .ok()?;
    Ok(Pid::from_raw(pid.text().parse()?))
}

/// Nobody may reap it here.
/// Kills it and waits until the kernel is done with it.
fn end(pid: Pid) -> Result<()> {
    kill(pid, Signal::SIGKILL)?;
    let stat = format!("/proc/{pid}/stat");
    until("the container's end", || {
        let line = fs::read_to_string(&stat).unwrap_or_default();
        let state = line.rsplit_once(") ").map(|(_, rest)| rest.as_bytes()[0]);
        Ok(matches!(state, None | Some(b'Z' | b'X')))
    })
}

fn lives(pid: Pid) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline"));
    line.is_ok_and(|line| !line.is_empty())
}

fn sleepers(stack: &Stack) -> usize {
    let sleeps = |pid: &&Pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.starts_with(b"sleep\0")
    };
    stack.scratch.processes().iter().filter(sleeps).count()
}

/// What is mounted in it stays.
fn lose_run_directory(stack: &Stack) -> Result<()> {
    let all = stack.scratch.path("runroot");
    for entry in fs::read_dir(&all)? {
        remove_what_goes(&entry?.path());
    }
    Ok(())
}

fn remove_what_goes(path: &Path) {
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            remove_what_goes(&entry.path());
        }
        fs::remove_dir(path).ok();
    } else {
        fs::remove_file(path).ok();
    }
}
