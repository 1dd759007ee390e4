//! Out of memory: the monitor's own score, and the container's mark.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};
use nix::unistd::Pid;

use crate::report;
use crate::settings::Settings;

const SCORE: &str = "/proc/self/oom_score_adj";
const CGROUPS: &str = "/sys/fs/cgroup";

/// The score that the caller had given us, for the programs that we start.
pub(crate) struct ScoreAdjust(Option<String>);

impl ScoreAdjust {
    /// Asks the kernel to spare the monitor. Not everyone may.
    pub(crate) fn protect() -> Self {
        let before = fs::read_to_string(SCORE).ok();
        if let Err(error) = fs::write(SCORE, "-1000") {
            report::debug(format_args!("cannot write {SCORE}: {error}"));
        }
        Self(before)
    }

    /// In a child: back to what it was.
    pub(crate) fn restore(&self) {
        if let Some(score) = &self.0
            && let Err(error) = fs::write(SCORE, score.trim_end())
        {
            report::debug(format_args!("cannot write {SCORE}: {error}"));
        }
    }
}

/// Hears of kills for lack of memory in a container's cgroup.
pub(crate) enum Watch {
    /// An eventfd on memory.oom_control.
    V1 {
        event: EventFd,
        group: PathBuf,
        _control: File,
    },
    /// inotify on memory.events, with its counters as last seen.
    V2 {
        inotify: Inotify,
        events: PathBuf,
        seen: [u64; 2],
    },
}

impl Watch {
    /// None if the container has no memory cgroup to be heard of.
    pub(crate) fn open(pid: Pid) -> Option<Self> {
        let unified = statfs(CGROUPS).is_ok_and(|fs| fs.filesystem_type() == CGROUP2_SUPER_MAGIC);
        let cgroups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        if unified {
            Self::open_v2(&group_v2(&cgroups)?)
        } else {
            Self::open_v1(group_v1(&cgroups)?)
        }
    }

    fn open_v1(group: PathBuf) -> Option<Self> {
        let event = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).ok()?;
        let control = File::open(group.join("memory.oom_control")).ok()?;
        let request = format!("{} {}", event.as_raw_fd(), control.as_raw_fd());
        let mut file = OpenOptions::new()
            .write(true)
            .open(group.join("cgroup.event_control"))
            .ok()?;
        file.write_all(request.as_bytes()).ok()?;
        Some(Self::V1 {
            event,
            group,
            _control: control,
        })
    }

    fn open_v2(group: &Path) -> Option<Self> {
        let events = group.join("memory.events");
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok()?;
        inotify.add_watch(&events, AddWatchFlags::IN_MODIFY).ok()?;
        Some(Self::V2 {
            inotify,
            events,
            seen: [0, 0],
        })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::V1 { event, .. } => event.as_fd(),
            Self::V2 { inotify, .. } => inotify.as_fd(),
        }
    }

    /// True if there was a kill since the last look.
    pub(crate) fn check(&mut self) -> bool {
        match self {
            Self::V1 { event, group, .. } => {
                let count = event.read().unwrap_or(0);
                // The removal of the group counts as one event, too.
                let removed = u64::from(!group.exists());
                count > removed
            }
            Self::V2 {
                inotify,
                events,
                seen,
            } => {
                // Only the counters tell; the events themselves are dropped.
                if let Err(errno) = inotify.read_events()
                    && errno != Errno::EAGAIN
                {
                    report::debug(format_args!("cannot read OOM events: {errno}"));
                }
                let now = counters(events).unwrap_or(*seen);
                std::mem::replace(seen, now) != now && now != [0, 0]
            }
        }
    }
}

/// Leaves the file `oom` in the persist directory and the bundle.
pub(crate) fn mark(settings: &Settings) {
    report::info(format_args!("OOM received"));
    for directory in [settings.persist_dir(), settings.bundle.as_deref()]
        .into_iter()
        .flatten()
    {
        let path = directory.join("oom");
        if let Err(error) = File::create(&path) {
            report::warn(format_args!("cannot write {}: {error}", path.display()));
        }
    }
}

/// The memory controller's group in /proc/PID/cgroup.
fn group_v1(cgroups: &str) -> Option<PathBuf> {
    cgroups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let named = controllers.split(',').any(|name| name == "memory");
        named.then(|| PathBuf::from(format!("{CGROUPS}/{controllers}{path}")))
    })
}

fn group_v2(cgroups: &str) -> Option<PathBuf> {
    let path = cgroups.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(PathBuf::from(format!("{CGROUPS}{path}")))
}

/// `oom` and `oom_kill` of memory.events.
fn counters(events: &Path) -> Option<[u64; 2]> {
    let mut text = String::new();
    File::open(events).ok()?.read_to_string(&mut text).ok()?;
    Some(parse_counters(&text))
}

fn parse_counters(text: &str) -> [u64; 2] {
    ["oom ", "oom_kill "].map(|name| {
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found() {
        let v1 = "12:pids:/a\n4:cpu,memory:/pod/ctr\n0::/x\n";
        assert_eq!(
            group_v1(v1),
            Some(PathBuf::from("/sys/fs/cgroup/cpu,memory/pod/ctr"))
        );
        assert_eq!(group_v2(v1), Some(PathBuf::from("/sys/fs/cgroup/x")));
        assert_eq!(group_v1("0::/x\n"), None);
    }

    #[test]
    fn counters_are_read() {
        assert_eq!(
            parse_counters("low 0\noom 3\noom_kill 2\noom_group_kill 0\n"),
            [3, 2]
        );
    }
}
