//! `linux.seccomp` of config.json as given (runtime-spec config-linux.md#seccomp).

use super::Error;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Profile {
    pub(crate) default_action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default_errno_ret: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) architectures: Vec<String>,
    /// Absent is not the same as empty: absent means SPEC_ALLOW, as runc has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) flags: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) listener_path: Option<std::path::PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) listener_metadata: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) syscalls: Vec<Syscall>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Syscall {
    pub(crate) names: Vec<String>,
    pub(crate) action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) errno_ret: Option<u32>,
    /// `null` stands for none in profiles written by Go programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) args: Option<Vec<Arg>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Arg {
    pub(crate) index: u32,
    pub(crate) value: u64,
    #[serde(default)]
    pub(crate) value_two: u64,
    pub(crate) op: String,
}

/// What the kernel is to do with a call, as a filter's return value (linux/seccomp.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Action(pub(super) u32);

impl Action {
    pub(super) const KILL_THREAD: Action = Action(libc::SECCOMP_RET_KILL_THREAD);
    pub(super) const NOTIFY: Action = Action(libc::SECCOMP_RET_USER_NOTIF);

    pub(super) const fn errno(code: i32) -> Action {
        Action(libc::SECCOMP_RET_ERRNO | code as u32 & libc::SECCOMP_RET_DATA)
    }

    /// An action by its name; `ret` is the errno of SCMP_ACT_ERRNO (default EPERM) or the message
    /// of SCMP_ACT_TRACE.
    pub(super) fn parse(name: &str, ret: Option<u32>) -> Result<Action, Error> {
        let data = ret.unwrap_or(libc::EPERM as u32) & libc::SECCOMP_RET_DATA;
        let value = match name {
            "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => libc::SECCOMP_RET_KILL_THREAD,
            "SCMP_ACT_KILL_PROCESS" => libc::SECCOMP_RET_KILL_PROCESS,
            "SCMP_ACT_TRAP" => libc::SECCOMP_RET_TRAP,
            "SCMP_ACT_ERRNO" => libc::SECCOMP_RET_ERRNO | data,
            "SCMP_ACT_TRACE" => libc::SECCOMP_RET_TRACE | data,
            "SCMP_ACT_ALLOW" => libc::SECCOMP_RET_ALLOW,
            "SCMP_ACT_LOG" => libc::SECCOMP_RET_LOG,
            "SCMP_ACT_NOTIFY" => libc::SECCOMP_RET_USER_NOTIF,
            _ => return Err(Error::Action(name.to_owned())),
        };
        Ok(Action(value))
    }

    /// Lets the call through, perhaps with a witness.
    pub(super) fn permits(self) -> bool {
        matches!(
            self.0 & libc::SECCOMP_RET_ACTION_FULL,
            libc::SECCOMP_RET_ALLOW | libc::SECCOMP_RET_LOG | libc::SECCOMP_RET_TRACE
        )
    }
}
