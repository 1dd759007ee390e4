//! `linux.memoryPolicy` (set_mempolicy(2)).

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;

use super::affinity::numbers;
use crate::spec::MemoryPolicy;

/// By their numbers in linux/mempolicy.h; for `features` too.
pub(crate) const MODES: [&str; 7] = [
    "MPOL_DEFAULT",
    "MPOL_PREFERRED",
    "MPOL_BIND",
    "MPOL_INTERLEAVE",
    "MPOL_LOCAL",
    "MPOL_PREFERRED_MANY",
    "MPOL_WEIGHTED_INTERLEAVE",
];

/// From bit 13 on.
pub(crate) const FLAGS: [&str; 3] = [
    "MPOL_F_NUMA_BALANCING",
    "MPOL_F_RELATIVE_NODES",
    "MPOL_F_STATIC_NODES",
];

/// The kernel's own limit of nodes.
const NODES: usize = 1024;
const WORD: usize = u64::BITS as usize;

/// A policy with its nodes as a mask.
#[derive(Debug)]
pub(super) struct Policy {
    mode: libc::c_int,
    nodes: [u64; NODES / WORD],
    /// No mask at all is not the same as an empty one.
    has_nodes: bool,
}

impl Policy {
    pub(super) fn new(wanted: &MemoryPolicy) -> Result<Policy> {
        let mode = MODES
            .iter()
            .position(|known| *known == wanted.mode)
            .ok_or_else(|| anyhow!("invalid memory policy mode {:?}", wanted.mode))?;
        let mut policy = Policy {
            mode: mode as libc::c_int,
            nodes: [0; NODES / WORD],
            has_nodes: !wanted.nodes.is_empty(),
        };
        for name in &wanted.flags {
            let bit = FLAGS
                .iter()
                .position(|known| known == name)
                .ok_or_else(|| anyhow!("invalid memory policy flag {name:?}"))?;
            policy.mode |= 1 << (13 + bit);
        }
        for node in numbers(&wanted.nodes, NODES)
            .with_context(|| format!("invalid memory policy node list {:?}", wanted.nodes))?
        {
            policy.nodes[node / WORD] |= 1 << (node % WORD);
        }
        let count: u32 = policy.nodes.iter().map(|word| word.count_ones()).sum();
        if matches!(wanted.mode.as_str(), "MPOL_DEFAULT" | "MPOL_LOCAL") && count > 0 {
            return Err(anyhow!(
                "{} mode requires 0 nodes but got {count}",
                wanted.mode
            ));
        }
        Ok(policy)
    }

    pub(super) fn apply(&self) -> Result<()> {
        let (mask, bits) = match self.has_nodes {
            // One more than there are: the kernel takes one off.
            true => (self.nodes.as_ptr(), NODES + 1),
            false => (std::ptr::null(), 0),
        };
        // SAFETY: the kernel reads as many bits as said from a mask that lives, or nothing.
        let done = unsafe { libc::syscall(libc::SYS_set_mempolicy, self.mode, mask, bits) };
        Errno::result(done).map(drop).context("set_mempolicy")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn modes_flags_and_nodes_are_checked() {
        let policy = |json: &str| Policy::new(&serde_json::from_str(json).unwrap());
        let good = policy(r#"{"mode":"MPOL_BIND","nodes":"0,65","flags":["MPOL_F_STATIC_NODES"]}"#)
            .unwrap();
        assert_eq!(
            (good.mode, good.nodes[0], good.nodes[1]),
            (2 | 1 << 15, 1, 2)
        );
        for (json, start) in [
            (r#"{"mode":"X"}"#, "invalid memory policy mode"),
            (
                r#"{"mode":"MPOL_BIND","nodes":"a"}"#,
                "invalid memory policy node",
            ),
            (
                r#"{"mode":"MPOL_BIND","flags":["a"]}"#,
                "invalid memory policy flag",
            ),
            (
                r#"{"mode":"MPOL_LOCAL","nodes":"0-7"}"#,
                "MPOL_LOCAL mode requires 0 nodes but got 8",
            ),
        ] {
            let error = policy(json).unwrap_err().to_string();
            assert!(error.starts_with(start), "{error}");
        }
    }
}
