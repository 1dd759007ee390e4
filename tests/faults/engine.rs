//! rpod killed in the middle of what it does.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::{Result, Stack, ensure};

pub(crate) fn a_killed_run_is_cleaned_up() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for millis in (0..120).step_by(6) {
        let run = stack.rpod("run --name victim alpine sleep 600").start()?;
        sleep(Duration::from_millis(millis));
        run.signal(Signal::SIGKILL)?;
        run.wait().ok();
        let ps = stack.rpod("ps -a").ok()?;
        if ps.stdout.contains("victim") {
            stack.rpod("inspect victim").ok()?;
            stack.rpod("rm -f -t 0 victim").ok()?;
        }
        stack.rpod("run --rm --name victim alpine true").ok()?;
    }
    stack.rpod("ps -aq").ok()?.is("")?;
    nothing_is_left(&stack)
}

pub(crate) fn a_killed_pull_is_taken_up_again() -> Result<()> {
    let stack = Stack::new()?;
    let pull = format!("pull {}/fedora:24", stack.registry.address);
    for millis in (0..100).step_by(5) {
        let killed = stack.rpod(&pull).start()?;
        sleep(Duration::from_millis(millis));
        killed.signal(Signal::SIGKILL)?;
        killed.wait().ok();
        stack.rpod("images").ok()?;
    }
    stack.rpod(&pull).ok()?;
    stack
        .rpod("run --rm fedora:24 cat /etc/os-release")
        .ok()?
        .says("ID=fedora")?;
    stack.rpod("rmi -a -f").ok()?;
    let layers = fs::read_dir(stack.root().join("layers"))?
        .flatten()
        .map(|entry| entry.file_name());
    let left: Vec<_> = layers.collect();
    ensure!(left.is_empty(), "layers are left: {left:?}");
    Ok(())
}

/// The container's exit code is lost with its monitor, but not the container.
pub(crate) fn a_killed_monitor_is_seen() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("run -d --name orphan alpine sleep 600").ok()?;
    let pid = stack
        .rpod("inspect --format {{.State.ConmonPid}} orphan")
        .ok()?;
    kill(Pid::from_raw(pid.text().parse()?), Signal::SIGKILL)?;
    stack.rpod("ps -a").ok()?.says("orphan")?;
    stack.rpod("stop -t 0 orphan").ok()?;
    stack.rpod("ps").ok()?.hides("orphan")?;
    stack.rpod("rm -f orphan").ok()?;
    nothing_is_left(&stack)
}

/// No mount and no process once all containers are removed.
pub(crate) fn nothing_is_left(stack: &Stack) -> Result<()> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let root = stack.root().display().to_string();
    let left: Vec<&str> = mounts.lines().filter(|line| line.contains(&root)).collect();
    ensure!(left.is_empty(), "mounts are left:\n{}", left.join("\n"));
    // A monitor's clean-up may still be on its way.
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let left = stack.scratch.processes();
        if left.len() <= 1 {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "processes beside the registry are left: {}",
            left.iter().map(command_line).collect::<String>()
        );
        sleep(Duration::from_millis(20));
    }
}

fn command_line(pid: &Pid) -> String {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    format!("\n{pid} {}", line.replace('\0', " "))
}
