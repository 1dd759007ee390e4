//! What is recorded of a container, and what follows from it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::annotations::Annotations;
use crate::{cgroup, resctrl};

/// The record in `state.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct State {
    pub(crate) oci_version: String,
    pub(crate) id: String,
    /// 0 until the process is born.
    pub(crate) pid: i32,
    /// Field 22 of `/proc/PID/stat`: tells the process from a later one that
    /// has its number.
    pub(crate) start_time: u64,
    pub(crate) bundle: PathBuf,
    pub(crate) rootfs: PathBuf,
    pub(crate) created: String,
    pub(crate) annotations: Annotations,
    pub(crate) cgroup_paths: cgroup::Paths,
    /// Its class of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resctrl: Option<resctrl::Group>,
    /// The user who made it.
    pub(crate) owner: u32,
    /// It has no pid namespace of its own, whose processes would end with the first.
    #[serde(default)]
    pub(crate) shares_pids: bool,
}

/// The runtime-spec's states of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Creating,
    Created,
    Running,
    Paused,
    Stopped,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::Creating => "creating",
            Status::Created => "created",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Stopped => "stopped",
        }
    }
}

/// What hooks and `state` are told (runtime-spec, runtime.md, State; with
/// runc's additions).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OciState<'a> {
    oci_version: &'a str,
    id: &'a str,
    pid: i32,
    status: Status,
    bundle: &'a PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    rootfs: Option<&'a PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a Annotations,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
}

impl OciState<'_> {
    pub(crate) fn annotations(&self) -> &Annotations {
        self.annotations
    }
}

impl State {
    /// The state that a hook reads from its stdin.
    pub(crate) fn for_hooks(&self, status: Status) -> OciState<'_> {
        OciState {
            oci_version: &self.oci_version,
            id: &self.id,
            pid: self.pid,
            status,
            bundle: &self.bundle,
            rootfs: None,
            created: None,
            annotations: &self.annotations,
            owner: None,
        }
    }

    /// The state that `state` and `list` print.
    pub(crate) fn for_people(&self, status: Status) -> OciState<'_> {
        OciState {
            pid: if status == Status::Stopped {
                0
            } else {
                self.pid
            },
            rootfs: Some(&self.rootfs),
            created: Some(&self.created),
            owner: Some(self.owner_name()),
            ..self.for_hooks(status)
        }
    }

    /// The owner's name, or number where no name is known.
    pub(crate) fn owner_name(&self) -> String {
        user_name(self.owner).unwrap_or_else(|| format!("#{}", self.owner))
    }

    /// Whether the process that was born is still there and not a zombie.
    pub(crate) fn is_alive(&self) -> bool {
        self.pid > 0 && start_time(Pid::from_raw(self.pid)) == Some(self.start_time)
    }
}

/// When a living process was started, in clock ticks since boot; `None` when
/// there is no such process or it has ended.
pub(crate) fn start_time(pid: Pid) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Read from /etc/passwd alone: a static program has no name services.
fn user_name(uid: u32) -> Option<String> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    let wanted = uid.to_string();
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == wanted).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_start_time() {
        assert!(start_time(Pid::this()).is_some());
        assert_eq!(start_time(Pid::from_raw(i32::MAX)), None);
    }
}
