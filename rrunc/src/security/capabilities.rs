//! `process.capabilities` (capabilities(7)).

use anyhow::{Context, Result};
use nix::errno::Errno;

use crate::log::Log;
use crate::spec::Capabilities;

/// In the order of their numbers.
const NAMES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

/// The names this runtime knows, for `features`.
pub(crate) fn names() -> &'static [&'static str] {
    &NAMES
}

/// A set of capabilities, one bit each.
type Set = u64;

/// The five sets, names resolved.
#[derive(Debug, Clone)]
pub(crate) struct Sets {
    bounding: Set,
    effective: Set,
    inheritable: Set,
    permitted: Set,
    ambient: Set,
}

impl Sets {
    /// Resolves the names; those that the kernel does not know, or that the runtime itself may not
    /// give, are left out with a warning, as by runc.
    pub(crate) fn prepare(wanted: &Capabilities, log: &Log) -> Result<Sets> {
        let own = own_bounding_set();
        let mut unknown = Vec::new();
        let mut resolve = |names: &[String]| {
            names.iter().fold(0, |set: Set, name| match number(name) {
                Some(number) if own & 1 << number != 0 => set | 1 << number,
                _ => {
                    unknown.push(name.clone());
                    set
                }
            })
        };
        let sets = Sets {
            bounding: resolve(&wanted.bounding),
            effective: resolve(&wanted.effective),
            inheritable: resolve(&wanted.inheritable),
            permitted: resolve(&wanted.permitted),
            ambient: resolve(&wanted.ambient),
        };
        if !unknown.is_empty() {
            unknown.sort_unstable();
            unknown.dedup();
            log.warn(&format!(
                "unknown or unavailable capabilities are left out: {}",
                unknown.join(" ")
            ));
        }
        sets.warn_of_ambient(log);
        Ok(sets)
    }

    /// The kernel lets nobody have a capability that is ambient and not both of these. runc 1.1
    /// writes such lists itself (`runc spec`); runc and crun go on without.
    fn warn_of_ambient(&self, log: &Log) {
        let refused = self.ambient & !(self.permitted & self.inheritable);
        for number in (0..Set::BITS).filter(|number| refused & 1 << number != 0) {
            log.warn(&format!(
                "can't raise ambient capability {}: it is not both permitted and inheritable",
                name(number)
            ));
        }
    }

    /// Drops from the bounding set; before the user changes, while CAP_SETPCAP is there.
    pub(crate) fn limit_bounding(&self) -> Result<()> {
        for number in (0..Set::BITS).filter(|number| self.bounding & 1 << number == 0) {
            match prctl(libc::PR_CAPBSET_DROP, number.into(), 0) {
                // The first that this kernel does not have.
                Err(Errno::EINVAL) => break,
                // Without the right to, what is not there need not be dropped.
                Err(Errno::EPERM) if prctl(libc::PR_CAPBSET_READ, number.into(), 0) == Ok(0) => 0,
                other => {
                    other.with_context(|| format!("drop {} from the bounding set", name(number)))?
                }
            };
        }
        Ok(())
    }

    /// Sets the other four; after the user changed (with PR_SET_KEEPCAPS).
    pub(crate) fn apply(&self) -> Result<()> {
        self.apply_process_sets().context("set the capabilities")?;
        prctl(
            libc::PR_CAP_AMBIENT,
            libc::PR_CAP_AMBIENT_CLEAR_ALL as u64,
            0,
        )
        .context("clear the ambient capabilities")?;
        let may_be_ambient = self.ambient & self.permitted & self.inheritable;
        for number in (0..Set::BITS).filter(|n| may_be_ambient & 1 << n != 0) {
            prctl(
                libc::PR_CAP_AMBIENT,
                libc::PR_CAP_AMBIENT_RAISE as u64,
                number.into(),
            )
            .with_context(|| format!("raise {} to ambient", name(number)))?;
        }
        Ok(())
    }

    fn apply_process_sets(&self) -> nix::Result<()> {
        const VERSION_3: u32 = 0x2008_0522;
        let header = [VERSION_3, 0];
        let word = |shift: u32| {
            [self.effective, self.permitted, self.inheritable].map(|set| (set >> shift) as u32)
        };
        let data = [word(0), word(32)];
        // SAFETY: capset reads a header of two words and, of version 3, two triples of words.
        Errno::result(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) })?;
        Ok(())
    }
}

fn number(name: &str) -> Option<u32> {
    NAMES
        .iter()
        .position(|known| *known == name)
        .map(|at| at as u32)
}

fn name(number: u32) -> &'static str {
    NAMES
        .get(number as usize)
        .unwrap_or(&"a capability newer than this program")
}

/// What the runtime itself may give.
fn own_bounding_set() -> Set {
    (0..Set::BITS)
        .map_while(|number| {
            let has = prctl(libc::PR_CAPBSET_READ, number.into(), 0).ok()?;
            Some((has as Set) << number)
        })
        .fold(0, |set, bit| set | bit)
}

fn prctl(option: libc::c_int, first: u64, second: u64) -> nix::Result<i32> {
    // SAFETY: the options used here take numbers only.
    Errno::result(unsafe { libc::prctl(option, first, second, 0u64, 0u64) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn status(field: &str) -> Set {
        let text = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = text.lines().find(|line| line.starts_with(field)).unwrap();
        Set::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap()
    }

    #[test]
    fn names_have_the_kernels_numbers() {
        assert_eq!(number("CAP_CHOWN"), Some(0));
        assert_eq!(number("CAP_SYS_ADMIN"), Some(21));
        assert_eq!(number("CAP_CHECKPOINT_RESTORE"), Some(40));
        assert_eq!(number("CAP_NONE"), None);
    }

    #[test]
    fn sets_become_those_of_the_thread() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        // Capabilities are a thread's own.
        std::thread::spawn(|| {
            let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
            let sets = Sets::prepare(
                &Capabilities {
                    bounding: list(&["CAP_KILL", "CAP_CHOWN"]),
                    effective: list(&["CAP_CHOWN"]),
                    inheritable: list(&["CAP_KILL"]),
                    permitted: list(&["CAP_KILL", "CAP_CHOWN", "CAP_UNHEARD_OF"]),
                    ambient: list(&["CAP_KILL"]),
                },
                &Log::to_stderr(),
            )
            .unwrap();
            sets.limit_bounding().unwrap();
            sets.apply().unwrap();
            let sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(status);
            assert_eq!(sets, [1 << 5, 1 << 5 | 1, 1, 1 << 5 | 1, 1 << 5]);
        })
        .join()
        .unwrap();
    }
}
