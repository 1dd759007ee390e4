//! What a container does now, read from the files that its processes leave:
//!
//! ```text
//! RUN/containers/<id>/started    pid, its start time, when        written once the runtime has started it
//! RUN/containers/<id>/initialized  the same                       written by `init`: made by the runtime, not started yet
//! RUN/containers/<id>/paused     it may be frozen                 written before it is frozen
//! RUN/containers/<id>/stopping   it was told to end               written before its stop signal is sent
//! RUN/exits/<id>                 the exit code                    written by the monitor
//! ROOT/containers/<id>/last.json how it ended last time           written by cleanup, outlives a reboot; and by a start, which
//!                                                                knows no end yet: what is left when the machine goes down
//! RUN/containers/<id>/last.json  the same                         where the disk had no room for it
//! ```
//!
//! The run directory may be emptied under a container that runs. What its start left in ROOT tells of it, then.
//!
//! A pid alone proves nothing, because the kernel gives it to others: it is the same process only if it started at the same tick.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::engine::cgroup::Groups;
use crate::monitor;
use crate::process::start_ticks;
use crate::store::{Noun, Store, readable, record};

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

    /// It runs, is paused, or waits to be started: its namespaces are there.
    pub fn has_process(&self) -> bool {
        self.is_active() || matches!(self, Status::Initialized(_))
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
    /// Whose end nobody saw: it may run still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<Unseen>,
}

/// A process, and since which start of the machine it has been there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Unseen {
    pid: i32,
    ticks: u64,
    boot: String,
}

impl Ended {
    /// The end of what was started then. Nobody saw it if there is no code.
    pub fn new(started: Timestamp, end: Option<(i32, Timestamp)>) -> Ended {
        Ended {
            started,
            finished: end.map(|(_, at)| at),
            code: end.map_or(UNKNOWN_CODE, |(code, _)| code),
            oom: false,
            process: None,
        }
    }

    /// The end, which nobody has seen yet, of a process that was just started.
    pub fn to_come(started: &Started) -> Result<Ended> {
        Ok(Ended {
            process: Some(Unseen {
                pid: started.pid,
                ticks: started.ticks,
                boot: boot()?,
            }),
            ..Ended::new(started.at, None)
        })
    }

    /// What was started, if the machine has not been started anew since.
    fn process(&self) -> Result<Option<Started>> {
        let Some(process) = &self.process else {
            return Ok(None);
        };
        Ok((process.boot == boot()?).then_some(Started {
            pid: process.pid,
            ticks: process.ticks,
            at: self.started,
            stopping: false,
        }))
    }
}

/// Which start of the machine this is.
fn boot() -> Result<String> {
    let path = "/proc/sys/kernel/random/boot_id";
    let id = fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
    Ok(id.trim().to_owned())
}

/// Exit code of a container whose end nobody saw.
pub const UNKNOWN_CODE: i32 = 255;

impl Store {
    /// What the container does now.
    pub fn status(&self, id: &str) -> Result<Status> {
        let run = self.run(Noun::Container, id);
        // One look in place of three where it does not run.
        if run.exists()
            && let Some(status) = self.status_in_run_dir(id, &run)?
        {
            return Ok(status);
        }
        let last = self.home(Noun::Container, id).join("last.json");
        self.status_at_last(id, record::load_if_there(&last))
    }

    /// What the files tell that live as long as its process.
    pub(super) fn status_in_run_dir(&self, id: &str, run: &Path) -> Result<Option<Status>> {
        if let Some(started) = whole(&run.join("started"))? {
            return self.since_start(id, run, started).map(Some);
        }
        if let Some(waiting) = whole(&run.join("initialized"))? {
            let end = self.end_of(id, run, &waiting)?;
            return Ok(Some(
                end.map_or(Status::Initialized(waiting), Status::Exited),
            ));
        }
        Ok(whole(&run.join("last.json"))?.map(Status::Exited))
    }

    /// What `last.json` tells, as it was read.
    pub(super) fn status_at_last(&self, id: &str, last: Result<Option<Ended>>) -> Result<Status> {
        let ended = match last {
            Err(error) if record::is_damage(&error) => {
                readable::tell(&error);
                let last = self.home(Noun::Container, id).join("last.json");
                Ended::new(changed(&last)?, None)
            }
            read => match read? {
                Some(ended) => ended,
                None => return Ok(Status::Created),
            },
        };
        match ended.process()? {
            Some(started) => self.since_start(id, &self.run(Noun::Container, id), started),
            None => Ok(Status::Exited(ended)),
        }
    }

    /// What has become of it since it was started.
    fn since_start(&self, id: &str, run: &Path, started: Started) -> Result<Status> {
        if let Some(end) = self.end_of(id, run, &started)? {
            return Ok(Status::Exited(end));
        }
        // Only what rpod has paused is looked at closely, or what it does not know any more.
        let may_be_paused = run.join("paused").exists() || !run.join("started").exists();
        Ok(if may_be_paused && is_frozen(started.pid) {
            Status::Paused(started)
        } else {
            let stopping = run.join("stopping").exists();
            Status::Running(Started {
                stopping,
                ..started
            })
        })
    }

    /// How it ended; nothing while it has not.
    fn end_of(&self, id: &str, run: &Path, process: &Started) -> Result<Option<Ended>> {
        let mut end = self.exit_code(id)?;
        if end.is_none() {
            if is_alive(process) || monitor::lives(run) {
                return Ok(None);
            }
            // The monitor may have written the file and gone between our two looks.
            end = self.exit_code(id)?;
        }
        let oom = run.join("oom").exists() || self.home(Noun::Container, id).join("oom").exists();
        Ok(Some(Ended {
            oom,
            ..Ended::new(process.at, end)
        }))
    }

    /// The code in the exit file and when it was written.
    pub fn exit_code(&self, id: &str) -> Result<Option<(i32, Timestamp)>> {
        let path = self.exits().join(id);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        };
        let code = text.trim().parse();
        let code = code.with_context(|| format!("{} holds no exit code", path.display()));
        let code = code.unwrap_or_else(|error| {
            readable::tell(&error);
            UNKNOWN_CODE
        });
        Ok(Some((code, changed(&path)?)))
    }
}

/// When the file was changed, now if it is gone.
fn changed(path: &Path) -> Result<Timestamp> {
    let time = fs::metadata(path).and_then(|meta| meta.modified());
    Ok(Timestamp::try_from(time.unwrap_or(SystemTime::now()))?)
}

/// A file of these, if it is there and whole. They are not waited for on the disk, so that a power failure may damage one: that is
/// told, and the others tell what is known.
fn whole<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match record::load_if_there(path) {
        Err(error) if record::is_damage(&error) => {
            readable::tell(&error);
            Ok(None)
        }
        read => read,
    }
}

/// A process that is gone meanwhile is not frozen.
fn is_frozen(pid: i32) -> bool {
    Groups::of(pid).is_ok_and(|groups| groups.frozen().unwrap_or(false))
}

/// Whether the process that was started is there still, and not only waits to be reaped.
pub fn is_alive(started: &Started) -> bool {
    start_ticks(started.pid) == Some(started.ticks)
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
            imagestore: None,
        };
        let id = "a".repeat(64);
        let run = store.run(Noun::Container, &id);
        fs::create_dir_all(&run).unwrap();
        fs::create_dir_all(store.exits()).unwrap();
        let home = store.home(Noun::Container, &id);
        fs::create_dir_all(&home).unwrap();
        let status = || {
            let alone = store.status(&id).unwrap();
            assert_eq!(store.statuses().unwrap().of(&id).unwrap(), alone);
            alone
        };
        assert_eq!(status(), Status::Created);
        let own = std::process::id() as i32;
        fs::write(
            run.join("started"),
            serde_json::to_vec(&started(own, start_ticks(own).unwrap())).unwrap(),
        )
        .unwrap();
        assert!(status().is_running());
        fs::write(run.join("stopping"), "").unwrap();
        let told = status();
        assert!(told.is_running() && told.word() == "stopping");
        fs::write(store.exits().join(&id), "7").unwrap();
        assert!(matches!(status(), Status::Exited(ended) if ended.code == 7));
        let last = Ended::new(Timestamp::now(), Some((3, Timestamp::now())));
        fs::write(home.join("last.json"), serde_json::to_vec(&last).unwrap()).unwrap();
        fs::remove_dir_all(&run).unwrap();
        assert_eq!(status(), Status::Exited(last));
    }
}
