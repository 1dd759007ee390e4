//! rpod killed while it makes, starts, stops or removes a pod.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::{Result, Stack, ensure};

use crate::engine::nothing_is_left;

/// The life of a pod; each step is killed in its middle, and the ones before it are done in full.
const LIFE: [&str; 5] = [
    "pod create --name victim --network none --memory 200m --cgroup-parent /TAG",
    "run -d --pod victim --name one alpine sleep 600",
    "pod start victim",
    "pod stop -t 0 victim",
    "pod rm -f -t 0 victim",
];

pub(crate) fn a_killed_step_leaves_what_can_be_removed() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let parent = stack.scratch.id("pods");
    let life = LIFE.map(|line| line.replace("TAG", &parent));
    for killed in 0..life.len() {
        for millis in (0..50).step_by(5) {
            for line in &life[..killed] {
                stack.rpod(line).ok()?;
            }
            kill_after(&stack, &life[killed], millis)?;
            stack.rpod("ps -ap").ok()?;
            if stack.rpod("pod ps").ok()?.stdout.contains("victim") {
                stack.rpod("pod inspect victim").ok()?;
            }
            stack.rpod("pod rm -f -a -t 0").ok()?;
            stack.rpod("rm -f -a -t 0").ok()?;
            stack.rpod("pod ps -q").ok()?.is("")?;
            stack.rpod("ps -aq").ok()?.is("")?;
            no_group_is_left(&parent)?;
        }
    }
    nothing_is_left(&stack)?;
    let names = fs::read_dir(stack.root().join("names"))?.count();
    ensure!(names == 0, "{names} names are left");
    Ok(())
}

pub(crate) fn a_killed_creation_gives_its_name_back() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for millis in 0..20 {
        kill_after(&stack, "pod create --name victim --network none", millis)?;
        if !stack.rpod("pod ps").ok()?.stdout.contains("victim") {
            stack.rpod("pod create --name victim --network none").ok()?;
        }
        stack.rpod("pod start victim").ok()?;
        stack.rpod("pod rm -f -t 0 victim").ok()?;
        // What was made for the pod that never was is swept, too.
        stack.rpod("ps -aq").ok()?.is("")?;
    }
    nothing_is_left(&stack)
}

pub(crate) fn a_pod_whose_infra_container_was_killed_starts_again() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("pod create --name headless --network none")
        .ok()?;
    stack
        .rpod("run -d --pod headless --name stays alpine sleep 600")
        .ok()?;
    let ids = stack.rpod("ps -q --filter name=-infra").ok()?;
    let pid = stack
        .rpod(&format!(
            "inspect --format {{{{.State.Pid}}}} {}",
            ids.text()
        ))
        .ok()?;
    kill(Pid::from_raw(pid.text().parse()?), Signal::SIGKILL)?;
    stack
        .rpod(&format!("wait {}", ids.text()))
        .ok()?
        .is("137")?;
    stack.rpod("pod ps").ok()?.says("Degraded")?;
    stack.rpod("pod restart headless").ok()?;
    stack.rpod("pod ps").ok()?.says("Running")?;
    stack.rpod("pod rm -f -t 0 headless").ok()?;
    nothing_is_left(&stack)
}

fn kill_after(stack: &Stack, line: &str, millis: u64) -> Result<()> {
    let command = stack.rpod(line).start()?;
    sleep(Duration::from_millis(millis));
    command.signal(Signal::SIGKILL)?;
    command.wait().ok();
    Ok(())
}

/// The cgroup in which the stack's pods have theirs is empty in every tree.
fn no_group_is_left(parent: &str) -> Result<()> {
    for tree in fs::read_dir("/sys/fs/cgroup")?.flatten() {
        let Ok(entries) = fs::read_dir(tree.path().join(parent)) else {
            continue;
        };
        let groups = entries.flatten().filter(|entry| entry.path().is_dir());
        let left: Vec<_> = groups.map(|group| group.path()).collect();
        ensure!(left.is_empty(), "cgroups are left: {left:?}");
    }
    Ok(())
}
