//! The processes of a group: to list, to stop, to end; and the group's own end.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::limit::{write, write_or_explain};

/// How often and for how long the kernel is given time.
const PAUSE: Duration = Duration::from_millis(1);
const PATIENCE: u32 = 10_000;

/// Every process of the group and the groups below; none when the group is gone.
pub(super) fn list(group: &Path) -> Result<Vec<i32>> {
    let mut pids = Vec::new();
    collect(group, &mut pids)
        .with_context(|| format!("list the processes of {}", group.display()))?;
    Ok(pids)
}

fn collect(group: &Path, pids: &mut Vec<i32>) -> io::Result<()> {
    match fs::read_to_string(group.join("cgroup.procs")) {
        Ok(text) => pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok())),
        Err(error) if gone(&error) => return Ok(()),
        Err(error) => return Err(error),
    }
    for child in children(group)? {
        collect(&child, pids)?;
    }
    Ok(())
}

fn children(group: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    let entries = match fs::read_dir(group) {
        Err(error) if gone(&error) => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut children = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            children.push(entry.path());
        }
    }
    Ok(children)
}

fn gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(Errno::ENODEV as i32)
}

/// Sends SIGKILL to all. `cgroup.kill` (Linux 5.14) does so in one step; without it each process is
/// killed in turn, and the caller keeps new ones from being born meanwhile.
pub(super) fn kill_all(group: &Path) -> Result<()> {
    match write(&group.join("cgroup.kill"), "1") {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => {
            return Err(error).with_context(|| format!("write {}/cgroup.kill", group.display()));
        }
    }
    for pid in list(group)? {
        match kill(Pid::from_raw(pid), Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(errno).with_context(|| format!("kill process {pid}")),
        }
    }
    Ok(())
}

/// Removes the group and the groups below. Processes that are about to end hold a group for a
/// moment: then it is tried again, for a tenth of a second in all.
pub(super) fn remove(group: &Path) -> Result<()> {
    for attempt in 0.. {
        match fs::remove_dir(group) {
            Ok(()) => return Ok(()),
            Err(error) if gone(&error) => return Ok(()),
            Err(error) if error.raw_os_error() == Some(Errno::EBUSY as i32) && attempt < 100 => {
                for child in children(group).with_context(|| format!("read {}", group.display()))? {
                    remove(&child)?;
                }
                if attempt > 0 {
                    sleep(PAUSE);
                }
            }
            Err(error) => return Err(error).with_context(|| format!("rmdir {}", group.display())),
        }
    }
    Ok(())
}

/// Freezes or thaws a group of cgroup v2 and waits until it is so.
pub(super) fn freeze_v2(group: &Path, frozen: bool) -> Result<()> {
    write_or_explain(&group.join("cgroup.freeze"), if frozen { "1" } else { "0" })?;
    for _ in 0..PATIENCE {
        if is_frozen_v2(group)? == frozen {
            return Ok(());
        }
        sleep(PAUSE);
    }
    bail!(
        "{} did not {} within 10 s",
        group.display(),
        if frozen { "freeze" } else { "thaw" }
    )
}

/// Whether every process of the v2 group stands still.
pub(super) fn is_frozen_v2(group: &Path) -> Result<bool> {
    let path = group.join("cgroup.events");
    let events = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    Ok(events.lines().any(|line| line == "frozen 1"))
}

/// Freezes or thaws a group of the v1 freezer. The kernel may stay at FREEZING while processes are
/// born: writing again helps, and so does a moment of thaw; one that will not freeze is left thawed.
pub(super) fn freeze_v1(group: &Path, frozen: bool) -> Result<()> {
    let file = group.join("freezer.state");
    if !frozen {
        return write_or_explain(&file, "THAWED");
    }
    for attempt in 1..=1000 {
        write_or_explain(&file, "FROZEN")?;
        if state_v1(group)? == "FROZEN" {
            return Ok(());
        }
        if attempt % 50 == 0 {
            write_or_explain(&file, "THAWED")?;
            sleep(10 * PAUSE);
        } else if attempt > 10 {
            // On a busy host whoever is being born needs a processor to come to where it can be frozen.
            sleep(PAUSE);
        }
    }
    write_or_explain(&file, "THAWED")?;
    bail!("{} did not freeze", group.display())
}

/// Whether the v1 group itself was frozen; one in a frozen parent was not.
pub(super) fn is_frozen_v1(group: &Path) -> Result<bool> {
    let own = match fs::read_to_string(group.join("freezer.self_freezing")) {
        Err(error) if gone(&error) => return Ok(false),
        own => own.with_context(|| format!("read {}/freezer.self_freezing", group.display()))?,
    };
    Ok(own.trim() == "1")
}

fn state_v1(group: &Path) -> Result<String> {
    let path = group.join("freezer.state");
    let state = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    Ok(state.trim().to_owned())
}
