//! Each step of a container's life, killed and out of room at each of its changes; and a disk that is full.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use tests::{Context as _, Result, Stack, ensure, skip};

use crate::engine::nothing_is_left;
use crate::strike::{Blow, Outcome, Whom, strike};

/// What is struck, after all that stands before it was done in full.
const LIFE: [&str; 7] = [
    "create --name victim alpine sleep 600",
    "start victim",
    "exec victim true",
    "commit -q victim copy",
    "stop -t 0 victim",
    "rename victim renamed",
    "rm -f -t 0 -a",
];

pub(crate) fn a_killed_command_leaves_what_the_next_can_use() -> Result<()> {
    each_step_is_struck(Blow::KillAtChange, |_, _| Ok(()))
}

pub(crate) fn a_command_without_room_says_so_and_leaves_nothing() -> Result<()> {
    each_step_is_struck(Blow::NoSpace, |struck, outcome| {
        ensure!(
            outcome.code == 0 || has_no_room(&outcome.said),
            "{struck}: {outcome:?}"
        );
        ensure!(
            outcome.said.lines().count() <= 1,
            "{struck} says more than a line: {}",
            outcome.said
        );
        Ok(())
    })
}

fn each_step_is_struck(blow: Blow, look: impl Fn(&str, &Outcome) -> Result<()>) -> Result<()> {
    let stack = Stack::with_alpine()?;
    for (at, struck) in LIFE.iter().enumerate() {
        for nth in 0.. {
            for line in &LIFE[..at] {
                stack.rpod(line).ok()?;
            }
            let command = stack.rpod(struck).into_command();
            let outcome = strike(command, Whom::Command, blow, nth)?;
            let during = || format!("after {struck} and {outcome:?} at {nth}");
            look(struck, &outcome).with_context(during)?;
            goes_on(&stack).with_context(during)?;
            if outcome.hit.is_none() {
                ensure!(
                    outcome.code == 0,
                    "{struck} fails without a cause: {outcome:?}"
                );
                ensure!(nth > 0, "{struck} changes nothing");
                break;
            }
        }
    }
    nothing_is_left(&stack)
}

/// Whatever was struck, it can be listed and removed, and its name is free.
fn goes_on(stack: &Stack) -> Result<()> {
    stack.rpod("ps -a").ok()?;
    // What is young may be somebody's who is still at work on it.
    let long_ago = SystemTime::now() - Duration::from_secs(60);
    for home in entries(&stack.root().join("containers"))? {
        File::open(home)?.set_modified(long_ago)?;
    }
    stack.rpod("rm -f -a -t 0").ok()?;
    stack.rpod("ps -aq").ok()?.is("")?;
    stack.rpod("images").ok()?.says("alpine")?;
    stack.rpod("rmi -f -i copy").ok()?;
    for dir in ["root/names", "root/containers", "runroot/containers"] {
        let left = entries(&stack.scratch.path(dir))?;
        ensure!(left.is_empty(), "left in {dir}: {left:?}");
    }
    Ok(())
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    match fs::read_dir(dir) {
        Ok(entries) => Ok(entries
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?),
        Err(_) => Ok(Vec::new()),
    }
}

/// Whoever has filled the disk gets it free again by the commands that end and remove things.
pub(crate) fn what_makes_room_works_on_a_full_disk() -> Result<()> {
    let disk = Disk::new("size=24m")?;
    let stack = &disk.stack;
    stack.rpod("run -d --name one alpine sleep 600").ok()?;
    stack.rpod("run -d --name two alpine sleep 600").ok()?;
    stack.rpod("create --name three alpine true").ok()?;
    stack.rpod("pod create --name some").ok()?;
    stack
        .rpod("run -d --pod some --name four alpine sleep 600")
        .ok()?;
    disk.fill()?;
    stack.rpod("ps -a").ok()?.says("three")?;
    stack.rpod("stop -t 0 one").ok()?;
    stack.rpod("ps").ok()?.hides("one")?;
    let code = "inspect --format {{.State.Status}}-{{.State.ExitCode}} one";
    stack.rpod(code).ok()?.is("exited-137")?;
    stack.rpod("pod stop -t 0 some").ok()?;
    stack.rpod("pod rm some").ok()?;
    stack.rpod("kill two").ok()?;
    stack.rpod("wait two").ok()?.is("137")?;
    stack.rpod("rm one two three").ok()?;
    stack.rpod("rmi alpine").ok()?;
    stack.rpod("images -q").ok()?.is("")?;
    nothing_but_the_disk_is_left(&disk)
}

/// Of blocks and of inodes: one line says so, and what was begun is gone.
pub(crate) fn a_full_disk_takes_no_container() -> Result<()> {
    for limit in ["size=24m", "nr_inodes=2k"] {
        let disk = Disk::new(limit)?;
        let stack = &disk.stack;
        stack.rpod("run -d --name there alpine sleep 600").ok()?;
        let before = stack.rpod("images --all").ok()?;
        disk.fill()?;
        let fedora = format!("pull {}/fedora:24", stack.registry.address);
        for line in [
            "create alpine true",
            "run --rm alpine true",
            "commit -q there copy",
            "volume create some",
            &fedora,
        ] {
            let failed = stack.rpod(line).run()?;
            ensure!(failed.code != 0, "{line} has room on a full disk ({limit})");
            ensure!(has_no_room(&failed.stderr), "{line}: {failed}");
            ensure!(
                failed
                    .stderr
                    .trim_end()
                    .lines()
                    .filter(|line| line.starts_with("Error"))
                    .count()
                    == 1,
                "{line}: {failed}"
            );
        }
        stack.rpod("images --all").ok()?.is(before.text())?;
        stack.rpod("ps -a --format {{.Names}}").ok()?.is("there")?;
        stack.rpod("volume ls -q").ok()?.is("")?;
        // What runs goes on.
        stack.rpod("exec there true").ok()?;
        disk.free()?;
        stack.rpod("run --rm alpine true").ok()?;
        stack.rpod(&fedora).ok()?;
        stack.rpod("rm -f -t 0 there").ok()?;
        nothing_but_the_disk_is_left(&disk)?;
    }
    Ok(())
}

/// In C's spelling or in Go's, which skopeo has.
fn has_no_room(said: &str) -> bool {
    said.to_lowercase().contains("no space left on device")
}

fn nothing_but_the_disk_is_left(disk: &Disk) -> Result<()> {
    umount2(&disk.stack.root(), MntFlags::empty()).context("the disk is still used")?;
    nothing_is_left(&disk.stack)
}

/// A stack whose root is a small disk of its own.
struct Disk {
    stack: Stack,
}

impl Disk {
    fn new(limit: &str) -> Result<Disk> {
        let stack = Stack::new()?;
        fs::create_dir(stack.root())?;
        if mount(
            Some("tmpfs"),
            &stack.root(),
            Some("tmpfs"),
            MsFlags::empty(),
            Some(limit),
        )
        .is_err()
        {
            return skip("no tmpfs can be mounted here");
        }
        let disk = Disk { stack };
        disk.stack.pull("alpine:latest")?;
        Ok(disk)
    }

    fn filler(&self) -> PathBuf {
        self.stack.root().join("filler")
    }

    /// Neither a byte nor a name finds room.
    fn fill(&self) -> Result<()> {
        fs::create_dir(self.filler())?;
        let mut number = 0;
        loop {
            let path = self.filler().join(number.to_string());
            let Ok(mut file) = File::create_new(&path) else {
                return Ok(());
            };
            if number == 0 {
                for piece in [1 << 20, 4096, 1] {
                    let piece = vec![0; piece];
                    while self.is_small() && file.write_all(&piece).is_ok() {}
                }
                if self.is_small() {
                    return Ok(());
                }
            }
            number += 1;
        }
    }

    /// Its blocks are what is limited, not its inodes.
    fn is_small(&self) -> bool {
        nix::sys::statvfs::statvfs(&self.stack.root())
            .is_ok_and(|disk| disk.blocks() * disk.fragment_size() < 64 << 20)
    }

    fn free(&self) -> Result<()> {
        Ok(fs::remove_dir_all(self.filler())?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = umount2(&self.stack.root(), MntFlags::MNT_DETACH);
    }
}
