//! rrunc killed, and failed by the kernel, at each of its system calls: whatever it was doing, `delete` takes away what is left, and a
//! `create` that fails leaves nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Cmd, Output, Result, Scratch, bundle, ensure, ours};

use crate::strike::{Blow, Outcome, Whom, strike};

pub(crate) fn create_is_killed_at_each_step() -> Result<()> {
    create_is_struck(Whom::Command, Blow::Kill)
}

pub(crate) fn a_container_is_killed_at_each_step_of_its_birth() -> Result<()> {
    create_is_struck(Whom::Child, Blow::Kill)
}

pub(crate) fn each_step_of_create_fails() -> Result<()> {
    create_is_struck(Whom::Command, Blow::Fail)
}

pub(crate) fn each_step_of_a_birth_fails() -> Result<()> {
    create_is_struck(Whom::Child, Blow::Fail)
}

fn create_is_struck(whom: Whom, blow: Blow) -> Result<()> {
    let bench = Bench::new()?;
    for nth in 0.. {
        let outcome = strike(
            bench.rrunc("create --bundle BUNDLE ID").into_command(),
            whom,
            blow,
            nth,
        )?;
        // One that was only killed has no chance to clean up; one that goes on has.
        let has_a_chance = outcome.code != 0 && (whom, blow) != (Whom::Command, Blow::Kill);
        if has_a_chance {
            bench.nothing_is_left(nth, &outcome)?;
        }
        let deleted = bench.rrunc("delete --force ID").run()?;
        ensure!(deleted.code == 0, "after {outcome:?} at {nth}: {deleted}");
        bench.nothing_is_left(nth, &outcome)?;
        if outcome.hit.is_none() {
            ensure!(outcome.code == 0, "create fails without a cause");
            ensure!(nth > 50, "only {nth} steps");
            return bench.still_works();
        }
    }
    Ok(())
}

pub(crate) fn delete_is_killed_at_each_step() -> Result<()> {
    let bench = Bench::new()?;
    for nth in 0.. {
        bench.start()?;
        let outcome = strike(
            bench.rrunc("delete --force ID").into_command(),
            Whom::Command,
            Blow::Kill,
            nth,
        )?;
        let deleted = bench.rrunc("delete --force ID").run()?;
        ensure!(deleted.code == 0, "after {outcome:?} at {nth}: {deleted}");
        bench.nothing_is_left(nth, &outcome)?;
        if outcome.hit.is_none() {
            return bench.still_works();
        }
    }
    Ok(())
}

/// A container outlives every `exec` that dies in it.
pub(crate) fn exec_is_killed_at_each_step() -> Result<()> {
    let bench = Bench::new()?;
    bench.start()?;
    for nth in 0.. {
        let outcome = strike(
            bench.rrunc("exec ID true").into_command(),
            Whom::Command,
            Blow::Kill,
            nth,
        )?;
        bench.rrunc("state ID").ok()?.says("\"running\"")?;
        if outcome.hit.is_none() {
            break;
        }
    }
    bench.rrunc("exec ID true").ok()?;
    let only_init = || {
        bench
            .rrunc("exec ID ls /proc")
            .run()
            .is_ok_and(|ls| numbers_in(&ls) == 2)
    };
    ensure!(eventually(only_init), "processes of killed execs are left");
    bench.rrunc("delete --force ID").ok()?;
    bench.still_works()
}

fn numbers_in(ls: &Output) -> usize {
    ls.stdout
        .split_whitespace()
        .filter(|name| name.parse::<u32>().is_ok())
        .count()
}

/// A bundle that uses most of what there is to undo.
struct Bench {
    scratch: Scratch,
    rrunc: PathBuf,
    id: String,
}

impl Bench {
    fn new() -> Result<Bench> {
        let scratch = Scratch::new()?;
        let id = scratch.id("c");
        fs::create_dir(scratch.path("b"))?;
        bundle::make(&scratch.path("b"), &["sleep", "600"], |config| {
            config["linux"]["cgroupsPath"] = json!(format!("/{id}"));
        })?;
        Ok(Bench {
            scratch,
            id,
            rrunc: ours("rrunc")?,
        })
    }

    fn rrunc(&self, line: &str) -> Cmd {
        let line = line
            .replace("ID", &self.id)
            .replace("BUNDLE", &self.scratch.path("b").to_string_lossy());
        Cmd::new(&self.rrunc)
            .arg("--root")
            .arg(self.scratch.path("root"))
            .words(&line)
    }

    /// A running container, which does not hold this test's pipes.
    fn start(&self) -> Result<()> {
        let run = self.rrunc("run --detach --bundle BUNDLE ID").into_command();
        let quiet = "exec \"$@\" </dev/null >/dev/null 2>&1";
        Cmd::new("sh")
            .args(["-c", quiet, "sh"])
            .arg(run.get_program())
            .args(run.get_args())
            .ok()?;
        Ok(())
    }

    fn still_works(&self) -> Result<()> {
        self.start()?;
        self.rrunc("exec ID true").ok()?;
        self.rrunc("delete --force ID").ok()?;
        Ok(())
    }

    /// No record, no cgroup, no mount, and soon no process.
    fn nothing_is_left(&self, nth: usize, outcome: &Outcome) -> Result<()> {
        let when = || format!("after {outcome:?} at step {nth}");
        ensure!(
            !self.scratch.path("root").join(&self.id).exists(),
            "a record is left {}",
            when()
        );
        let groups: Vec<PathBuf> = fs::read_dir("/sys/fs/cgroup")?
            .flatten()
            .map(|entry| entry.path())
            .chain([PathBuf::from("/sys/fs/cgroup")])
            .map(|hierarchy| hierarchy.join(&self.id))
            .filter(|group| group.exists())
            .collect();
        ensure!(groups.is_empty(), "{groups:?} are left {}", when());
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let place = self.scratch.path("b").display().to_string();
        ensure!(!mounts.contains(&place), "a mount is left {}", when());
        ensure!(
            eventually(|| self.scratch.processes().is_empty()),
            "{:?} are left {}",
            self.scratch
                .processes()
                .iter()
                .map(command_of)
                .collect::<Vec<_>>(),
            when()
        );
        Ok(())
    }
}

fn command_of(pid: &nix::unistd::Pid) -> String {
    fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("cmdline"))
        .unwrap_or_default()
        .replace('\0', " ")
}

fn eventually(happens: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        if happens() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        sleep(Duration::from_millis(5));
    }
}
