//! How containers come to their end: killed, frozen, out of memory, restarted, removed after their last run, or never begun.

use std::fs;

use nix::sys::signal::Signal;
use tests::{Result, Stack, ensure, until};

pub(crate) fn a_container_goes_after_its_last_run() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let runs = stack.scratch.write("runs", "")?;
    let line = format!(
        "run --rm --network none --restart on-failure --name again -v {}:/runs alpine",
        runs.display()
    );
    stack
        .rpod(&line)
        .args(["sh", "-c", "echo x >> /runs; test $(wc -l < /runs) -gt 2"])
        .exits(1)?;
    until("it is gone", || {
        Ok(stack.rpod("container exists again").run()?.code == 1)
    })?;
    ensure!(fs::read_to_string(&runs)?.lines().count() == 3);
    stack
        .rpod("create --rm --restart always alpine")
        .exits(125)?
        .complains("the --rm option conflicts with --restart")?;

    stack
        .rpod("create --rm --name bad alpine /not/there")
        .ok()?;
    stack.rpod("start --attach bad").exits(125)?;
    stack.rpod("container exists bad").exits(1)?;
    Ok(())
}

pub(crate) fn who_is_killed_is_gone() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let state = |name: &str| {
        let line =
            format!("inspect --format '{{{{.State.Status}}}} {{{{.State.OOMKilled}}}}' {name}");
        stack.rpod(&line).ok()
    };
    for name in ["one", "two"] {
        stack
            .rpod(&format!(
                "run -d --name {name} --network none alpine sleep 600"
            ))
            .ok()?;
    }
    stack.rpod("kill one").ok()?;
    state("one")?.is("exited false")?;
    stack.rpod("pause two").ok()?;
    stack.rpod("kill two").ok()?;
    until("the frozen one is gone", || {
        Ok(state("two")?.text() == "exited false")
    })?;

    // Whether memory was short is told by the monitor's own file, of this run and not of the last.
    let before = stack.scratch.write("before", "")?;
    stack
        .rpod("create --name once --network none")
        .args(["-v", &format!("{}:/before", before.display())])
        .args([
            "alpine",
            "sh",
            "-c",
            "test -s /before && exit 3; echo x > /before",
        ])
        .ok()?;
    stack.rpod("start --attach once").ok()?;
    let id = stack
        .rpod("inspect --format {{.Id}} once")
        .ok()?
        .text()
        .to_owned();
    let mark = stack.root().join("containers").join(id).join("oom");
    fs::write(&mark, "")?;
    stack.rpod("start --attach once").exits(3)?;
    state("once")?.is("exited false")?;

    stack
        .rpod("run -d --name always --restart always --network none alpine sleep 600")
        .ok()?;
    stack.rpod("stop -t 0 always").ok()?;
    stack
        .rpod("inspect --format {{.State.StoppedByUser}} always")
        .ok()?
        .is("true")?;
    Ok(())
}

/// An exit code that an engine makes of the runtime's words.
pub(crate) fn a_directory_is_no_command() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run -d --name it --network none alpine sleep 600")
        .ok()?;
    for line in ["exec it /etc", "run --rm --network none alpine /etc"] {
        stack
            .rpod(line)
            .exits(126)?
            .complains("permission denied: it is a directory")?;
    }
    Ok(())
}

pub(crate) fn stopping_is_seen() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run -d --name deaf alpine")
        .args(["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"])
        .ok()?;
    let stop = stack.rpod("stop --timeout 60 deaf").start()?;
    let state = || stack.rpod("inspect --format {{.State.Status}} deaf").ok();
    until("it is stopping", || Ok(state()?.text() == "stopping"))?;
    stack
        .rpod("ps --format {{.State}}={{.Status}}")
        .ok()?
        .is("stopping=Stopping")?;
    stop.signal(Signal::SIGKILL)?;
    stack.rpod("kill deaf").ok()?;
    stack.rpod("wait deaf").ok()?.is("137")?;
    state()?.is("exited")?;
    // Nothing of it is left for the next run.
    stack.rpod("start deaf").ok()?;
    state()?.is("running")?;
    stack.rpod("rm -f -t 0 deaf").ok()?;
    Ok(())
}

pub(crate) fn a_start_that_fails_has_its_own_codes() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --name lost --workdir /not/there alpine true")
        .exits(126)?
        .complains("workdir \"/not/there\" does not exist on container")?;
    stack
        .rpod("run --rm --workdir /new -v /etc:/new/etc alpine pwd")
        .ok()?
        .is("/new")?;
    stack
        .rpod("run --timeout 1 --name late alpine sleep 60")
        .exits(255)?;
    stack
        .rpod("inspect --format {{.State.ExitCode}} late")
        .ok()?
        .is("-1")?;
    stack.rpod("run -d --name host alpine sleep 600").ok()?;
    stack.rpod("exec -d host nothing").exits(125)?;
    stack.rpod("exec host nothing").exits(127)?;
    Ok(())
}

pub(crate) fn cleaning_up_after_nobody_is_no_error() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name c alpine").ok()?;
    stack.rpod("container cleanup c").ok()?.is("c")?;
    stack.rpod("container cleanup nobody").ok()?.is("")?;
    Ok(())
}
