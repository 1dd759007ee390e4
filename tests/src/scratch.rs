//! A directory for one test, and a host that is clean again when the test is over, however it ended.
//!
//! Every path that a test hands to a tool lies in its scratch directory, so what the test left behind can be told from what others
//! do: processes by their command line, environment or root file system, mounts by their place, cgroups by the container ids found
//! in the directory or by the directory's own name.

use std::collections::HashSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Cmd;

const PREFIX: &str = "rstack-test.";

#[derive(Debug)]
pub struct Scratch {
    dir: PathBuf,
}

impl Scratch {
    pub fn new() -> Result<Scratch> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // The last letter keeps one directory's name from being the beginning of another's.
        let name = format!("{PREFIX}{}-{count}x", std::process::id());
        let dir = Path::new("/tmp").join(name);
        fs::create_dir(&dir).with_context(|| format!("creating {}", dir.display()))?;
        Ok(Scratch { dir })
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.join(name)
    }

    /// A name for a container that no other test uses.
    pub fn id(&self, name: &str) -> String {
        let tag = self.dir.file_name().unwrap_or_default().to_string_lossy();
        format!("{}-{name}", tag.replace('.', "-"))
    }

    /// The processes that this test has started, directly or not, and that still live.
    pub fn processes(&self) -> Vec<Pid> {
        processes_of(&self.dir)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }

    /// A script that can be started; directories on the way to it are made.
    pub fn program(&self, name: &str, script: impl AsRef<[u8]>) -> Result<PathBuf> {
        if let Some(above) = self.path(name).parent() {
            fs::create_dir_all(above)?;
        }
        // Another process writes it: what other tests start meanwhile would have our descriptor for a moment, and nothing that
        // somebody has open for writing can be started.
        let path = self.path(name);
        let install = Cmd::new("install").words("-m 755 /dev/stdin").arg(&path);
        install.stdin(script.as_ref()).ok()?;
        Ok(path)
    }

    /// As if the machine had gone down: nothing of what was started runs, nothing is mounted, and the directory NAME, which is in
    /// memory on a real one, is gone.
    pub fn power_off(&self, name: &str) -> Result<()> {
        end(&self.dir);
        fs::remove_dir_all(self.path(name)).with_context(|| format!("removing {name}"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        clean(&self.dir);
    }
}

/// Cleans up after test programs that were killed.
pub fn sweep() {
    for dir in entries(Path::new("/tmp")) {
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let pid = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            clean(&dir);
        }
    }
}

fn clean(dir: &Path) {
    end(dir);
    if let Err(error) = fs::remove_dir_all(dir) {
        eprintln!("removing {}: {error}", dir.display());
    }
}

/// Ends the processes that know the directory, and lets go of what is mounted below it.
fn end(dir: &Path) {
    let ids = ids_in(dir);
    // A process that is frozen does not die.
    each_cgroup(Path::new("/sys/fs/cgroup"), &ids, 6, &thaw);
    // A monitor whose container is killed may start a clean-up command, so look until nobody is left.
    for _ in 0..50 {
        let left: Vec<Pid> = processes_of(dir);
        if left.is_empty() {
            break;
        }
        for pid in left {
            // It may have ended by itself since.
            kill(pid, Signal::SIGKILL).ok();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    for mount in mounts_below(dir) {
        if let Err(errno) = umount2(&mount, MntFlags::MNT_DETACH) {
            eprintln!("unmounting {}: {errno}", mount.display());
        }
    }
    each_cgroup(Path::new("/sys/fs/cgroup"), &ids, 6, &remove_tree);
}

fn processes_of(dir: &Path) -> Vec<Pid> {
    let needle = dir.as_os_str().as_bytes();
    let here = fs::read_link("/proc/self/ns/mnt").ok();
    let own = std::process::id().cast_signed();
    let pids = entries(Path::new("/proc")).into_iter().filter_map(|proc| {
        let pid = proc.file_name()?.to_str()?.parse().ok()?;
        let of_it = |file: &str| {
            fs::read(proc.join(file))
                .is_ok_and(|bytes| bytes.windows(needle.len()).any(|w| w == needle))
        };
        let inside = || {
            fs::read_link(proc.join("ns/mnt")).ok() != here
                && root_mount(&proc).is_some_and(|line| line.contains(&*dir.to_string_lossy()))
        };
        let found = pid != own && (of_it("cmdline") || of_it("environ") || inside());
        found.then_some(Pid::from_raw(pid))
    });
    pids.filter(|pid| !is_zombie(*pid)).collect()
}

/// The line of mountinfo(5) that is about `/`: only that one tells whose container a process is in, the others may be bind mounts.
fn root_mount(proc: &Path) -> Option<String> {
    let mounts = fs::read_to_string(proc.join("mountinfo")).ok()?;
    let is_root = |line: &&str| line.split(' ').nth(4) == Some("/");
    mounts.lines().find(is_root).map(str::to_owned)
}

fn is_zombie(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| rest.starts_with(" Z"))
    })
}

/// The deepest first.
fn mounts_below(dir: &Path) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    let below = places
        .map(PathBuf::from)
        .filter(|place| place.starts_with(dir));
    below.collect::<Vec<_>>().into_iter().rev().collect()
}

/// What a cgroup of this test may be named after: its directory, and the containers and pods that have a directory in it.
fn ids_in(dir: &Path) -> HashSet<String> {
    let tag = dir.file_name().unwrap_or_default().to_string_lossy();
    let mut ids = HashSet::from([tag.replace('.', "-")]);
    let mut queue = vec![(dir.to_owned(), 0)];
    while let Some((at, depth)) = queue.pop() {
        for entry in entries(&at)
            .into_iter()
            .filter(|entry| entry.is_dir() && !entry.is_symlink())
        {
            let name = entry.file_name().unwrap_or_default().to_string_lossy();
            if name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit()) {
                ids.insert(name.into_owned());
            } else if depth < 3 {
                queue.push((entry, depth + 1));
            }
        }
    }
    ids
}

/// The topmost groups that are named after one of the ids.
fn each_cgroup(below: &Path, ids: &HashSet<String>, depth: u32, act: &dyn Fn(&Path)) {
    for group in entries(below).into_iter().filter(|entry| entry.is_dir()) {
        let name = group.file_name().unwrap_or_default().to_string_lossy();
        if ids.iter().any(|id| name.contains(id.as_str())) {
            act(&group);
        } else if depth > 0 {
            each_cgroup(&group, ids, depth - 1, act);
        }
    }
}

/// A group and those in it; the files are there only in a tree with a freezer.
fn thaw(group: &Path) {
    for child in entries(group).into_iter().filter(|entry| entry.is_dir()) {
        thaw(&child);
    }
    for (file, thawed) in [("freezer.state", "THAWED"), ("cgroup.freeze", "0")] {
        let file = group.join(file);
        if file.exists() {
            fs::write(file, thawed).ok();
        }
    }
}

fn remove_tree(group: &Path) {
    for child in entries(group).into_iter().filter(|entry| entry.is_dir()) {
        remove_tree(&child);
    }
    if let Err(error) = fs::remove_dir(group) {
        eprintln!("removing {}: {error}", group.display());
    }
}

/// The paths in a directory; none where it cannot be read, since it may have gone meanwhile.
fn entries(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    entries.flatten().map(|entry| entry.path()).collect()
}
