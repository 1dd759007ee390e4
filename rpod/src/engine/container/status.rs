//! What a container does now, read from the files that its processes leave:
//!
//! ```text
//! RUN/containers/<id>/initialized  the same, written by `init`: made by the runtime, not started yet
//! RUN/containers/<id>/started    pid, its start time, when        written once the runtime has started it
//! RUN/containers/<id>/paused     it may be frozen                 written before it is frozen
//! RUN/containers/<id>/stopping   it was told to end               written before its stop signal is sent
//! RUN/exits/<id>                 the exit code                    written by the monitor
//! ROOT/containers/<id>/last.json how it ended last time           written by cleanup, outlives a reboot; and by a start, which
//!                                                                knows no end yet: what is left when the machine goes down
//! RUN/containers/<id>/last.json  the same                         where the disk had no room for it
//! ```
//!
//! A pid alone proves nothing, because the kernel gives it to others: it is the same process only if it started at the same tick.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::cgroup::Groups;
use crate::store::{Noun, Store, record};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It never ran.
    Created,
    /// Its process waits to be started.
    Initialized(Started),
    Running(Started),
    /// Its processes are frozen.
    Paused(Started),
    Exited(Ended),
}

impl Status {
    /// podman's word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Status::Created => "created",
            Status::Initialized(_) => "initialized",
            Status::Running(started) if started.stopping => "stopping",
            Status::Running(_) => "running",
            Status::Paused(_) => "paused",
            Status::Exited(_) => "exited",
        }
    }

    pub fn is_running(&self) -> bool {
        matches!(self, Status::Running(_))
    }

    /// It runs, or would if it were not paused.
    pub fn is_active(&self) -> bool {
        matches!(self, Status::Running(_) | Status::Paused(_))
    }
}

/// A process that was started as a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    pub pid: i32,
    /// Clock ticks after boot, from /proc/PID/stat.
    pub ticks: u64,
    pub at: Timestamp,
    /// It was told to end. Not of the file: the run directory says it.
    #[serde(skip)]
    pub stopping: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub started: Timestamp,
    /// Nothing is known of the end of a container that ran when the machine went down.
    pub finished: Option<Timestamp>,
    pub code: i32,
    pub oom: bool,
}

impl Ended {
    /// The end that nobody saw of what was started then.
    pub fn unseen(started: Timestamp) -> Ended {
        Ended {
            started,
            finished: None,
            code: UNKNOWN_CODE,
            oom: false,
        }
    }
}

/// Exit code of a container whose end nobody saw.
const UNKNOWN_CODE: i32 = 255;

impl Store {
    /// What the container does now.
    pub fn status(&self, id: &str) -> Result<Status> {
        let run = self.run(Noun::Container, id);
        // One look in place of two for each of many containers that do not run.
        let has_run_dir = run.exists();
        if has_run_dir
            && let Some(started) = record::load_if_there::<Started>(&run.join("started"))?
        {
            if let Some((code, at)) = self.exit_code(id)? {
                let oom =
                    run.join("oom").exists() || self.home(Noun::Container, id).join("oom").exists();
                return Ok(Status::Exited(Ended {
                    started: started.at,
                    finished: Some(at),
                    code,
                    oom,
                }));
            }
            if is_alive(&started) || monitor_lives(&run) {
                // Only what rpod has paused is looked at closely.
                let paused = run.join("paused").exists() && is_frozen(started.pid);
                let stopping = run.join("stopping").exists();
                return Ok(if paused {
                    Status::Paused(started)
                } else {
                    Status::Running(Started {
                        stopping,
                        ..started
                    })
                });
            }
            // The monitor may have written the file and gone between our two looks.
            let (code, at) = self
                .exit_code(id)?
                .map_or((UNKNOWN_CODE, None), |(code, at)| (code, Some(at)));
            return Ok(Status::Exited(Ended {
                started: started.at,
                finished: at,
                code,
                oom: false,
            }));
        }
        if has_run_dir
            && let Some(waiting) = record::load_if_there::<Started>(&run.join("initialized"))?
            && is_alive(&waiting)
        {
            return Ok(Status::Initialized(waiting));
        }
        if has_run_dir && let Some(ended) = record::load_if_there(&run.join("last.json"))? {
            return Ok(Status::Exited(ended));
        }
        let last = self.home(Noun::Container, id).join("last.json");
        Ok(record::load_if_there(&last)?.map_or(Status::Created, Status::Exited))
    }

    /// The code in the exit file and when it was written.
    pub fn exit_code(&self, id: &str) -> Result<Option<(i32, Timestamp)>> {
        let path = self.exits().join(id);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        };
        let code = text
            .trim()
            .parse()
            .with_context(|| format!("{} holds no exit code", path.display()))?;
        let written = fs::metadata(&path)
            .and_then(|meta| meta.modified())
            .unwrap_or(SystemTime::now());
        Ok(Some((code, Timestamp::try_from(written)?)))
    }
}

/// A process that is gone meanwhile is not frozen.
fn is_frozen(pid: i32) -> bool {
    Groups::of(pid).is_ok_and(|groups| groups.frozen().unwrap_or(false))
}

/// Start time of a process in clock ticks after boot; nothing if it is gone or only waits to be reaped.
pub fn start_ticks(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = after_name(&stat)?;
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Whether a process is on its way out. The first of a PID namespace goes after all others of it have gone.
pub fn is_ending(pid: i32) -> bool {
    const PF_EXITING: u32 = 4;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let flags = after_name(&stat).and_then(|mut fields| fields.nth(6)?.parse::<u32>().ok());
    flags.is_none_or(|flags| flags & PF_EXITING != 0)
}

/// The fields of /proc/PID/stat from the third on (proc_pid_stat(5)): the command's name stands in parentheses and may hold anything.
fn after_name(stat: &str) -> Option<std::str::SplitAsciiWhitespace<'_>> {
    Some(stat.get(stat.rfind(')')? + 2..)?.split_ascii_whitespace())
}

pub fn is_alive(started: &Started) -> bool {
    start_ticks(started.pid) == Some(started.ticks)
}

/// The monitor outlives the container by the moment in which it writes the exit file.
fn monitor_lives(run: &Path) -> bool {
    monitor_pid(run).is_some_and(|pid| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let id = run.file_name().unwrap_or_default().as_encoded_bytes();
        start_ticks(pid).is_some() && command.split(|b| *b == 0).any(|word| word == id)
    })
}

pub fn monitor_pid(run: &Path) -> Option<i32> {
    fs::read_to_string(run.join("conmon.pid"))
        .ok()?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn started(pid: i32, ticks: u64) -> Started {
        Started {
            pid,
            ticks,
            at: Timestamp::now(),
            stopping: false,
        }
    }

    #[test]
    fn a_reused_pid_is_another_process() {
        let own = std::process::id() as i32;
        let ticks = start_ticks(own).unwrap();
        assert!(is_alive(&started(own, ticks)));
        assert!(!is_alive(&started(own, ticks + 1)));
    }

    #[test]
    fn status_follows_the_files() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store {
            root: dir.path().join("r"),
            runroot: dir.path().join("x"),
        };
        let id = "a".repeat(64);
        let run = store.run(Noun::Container, &id);
        fs::create_dir_all(&run).unwrap();
        fs::create_dir_all(store.exits()).unwrap();
        assert_eq!(store.status(&id).unwrap(), Status::Created);
        let own = std::process::id() as i32;
        fs::write(
            run.join("started"),
            serde_json::to_vec(&started(own, start_ticks(own).unwrap())).unwrap(),
        )
        .unwrap();
        assert!(store.status(&id).unwrap().is_running());
        fs::write(run.join("stopping"), "").unwrap();
        let told = store.status(&id).unwrap();
        assert!(told.is_running() && told.word() == "stopping");
        fs::write(store.exits().join(&id), "7").unwrap();
        assert!(matches!(store.status(&id).unwrap(), Status::Exited(ended) if ended.code == 7));
    }
}
