//! `process.scheduler` (sched_setattr(2)).

use anyhow::{Context, Result, anyhow, ensure};
use nix::errno::Errno;

use crate::spec::Scheduler;

/// By their numbers in linux/sched.h.
const POLICIES: [(&str, u32); 7] = [
    ("SCHED_OTHER", 0),
    ("SCHED_FIFO", 1),
    ("SCHED_RR", 2),
    ("SCHED_BATCH", 3),
    ("SCHED_ISO", 4),
    ("SCHED_IDLE", 5),
    ("SCHED_DEADLINE", 6),
];

const FLAGS: [(&str, u64); 7] = [
    ("SCHED_FLAG_RESET_ON_FORK", 1),
    ("SCHED_FLAG_RECLAIM", 2),
    ("SCHED_FLAG_DL_OVERRUN", 4),
    ("SCHED_FLAG_KEEP_POLICY", 8),
    ("SCHED_FLAG_KEEP_PARAMS", 16),
    ("SCHED_FLAG_UTIL_CLAMP_MIN", 32),
    ("SCHED_FLAG_UTIL_CLAMP_MAX", 64),
];

/// `struct sched_attr` in its first version.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Policy {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

impl Policy {
    pub(super) fn new(wanted: &Scheduler) -> Result<Policy> {
        ensure!(!wanted.policy.is_empty(), "scheduler policy is required");
        let policy = number(&POLICIES, &wanted.policy)
            .ok_or_else(|| anyhow!("policy: unknown policy {:?}", wanted.policy))?;
        let is = |name: &str| wanted.policy == name;
        if is("SCHED_OTHER") || is("SCHED_BATCH") {
            ensure!(
                (-20..=19).contains(&wanted.nice),
                "nice: {} is not from -20 to 19",
                wanted.nice
            );
        }
        ensure!(
            wanted.priority == 0 || is("SCHED_FIFO") || is("SCHED_RR"),
            "scheduler.priority can only be specified for SchedFIFO or SchedRR policy"
        );
        let times = wanted.runtime != 0 || wanted.deadline != 0 || wanted.period != 0;
        ensure!(
            !times || is("SCHED_DEADLINE"),
            "scheduler runtime/deadline/period can only be specified for SchedDeadline policy"
        );
        let flags = wanted.flags.iter().try_fold(0, |flags, name| {
            let flag =
                number(&FLAGS, name).ok_or_else(|| anyhow!("flags: unknown flag {name:?}"))?;
            anyhow::Ok(flags | flag)
        })?;
        Ok(Policy {
            size: size_of::<Policy>() as u32,
            policy,
            flags,
            nice: wanted.nice,
            priority: u32::try_from(wanted.priority).context("priority: negative")?,
            runtime: wanted.runtime,
            deadline: wanted.deadline,
            period: wanted.period,
        })
    }

    pub(super) fn apply(&self) -> Result<()> {
        // SAFETY: the kernel reads the structure, whose first field is its size.
        let done = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const *self, 0) };
        match Errno::result(done) {
            Err(Errno::EPERM) if self.policy == 6 => Err(Errno::EPERM).context(
                "sched_setattr (process scheduler can't be used together with AllowedCPUs)",
            ),
            other => other.map(drop).context("sched_setattr"),
        }
    }
}

fn number<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, number)| *number)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_policy_does_not_take_is_refused() {
        let refusal = |json: &str| {
            let wanted = serde_json::from_str(json).unwrap();
            Policy::new(&wanted).unwrap_err().to_string()
        };
        assert_eq!(refusal("{}"), "scheduler policy is required");
        assert!(refusal(r#"{"policy":"SCHED_LUCK"}"#).contains("SCHED_LUCK"));
        assert!(refusal(r#"{"policy":"SCHED_OTHER","priority":3}"#).contains("SchedFIFO"));
        assert!(refusal(r#"{"policy":"SCHED_RR","runtime":3}"#).contains("SchedDeadline"));
        assert!(refusal(r#"{"policy":"SCHED_BATCH","nice":20}"#).contains("20"));
        assert!(refusal(r#"{"policy":"SCHED_RR","flags":["X"]}"#).contains("\"X\""));
    }

    #[test]
    fn the_structure_is_the_kernels() {
        assert_eq!(size_of::<Policy>(), 48);
    }
}
