//! Which devices the container may use: the rules of config.json and the devices every container
//! has, brought to one mode with exceptions, for v1's files and v2's program alike.

mod allow_list;
mod ebpf;

pub(super) use ebpf::attach;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};

use super::limit::write_or_explain;
use crate::spec::DeviceRule;

/// Accesses, as bits of linux/bpf.h (BPF_DEVCG_ACC_*).
const MKNOD: u8 = 1;
const READ: u8 = 2;
const WRITE: u8 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Block,
    Char,
}

/// Devices of a kind; no number stands for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Devices {
    kind: Kind,
    major: Option<u32>,
    minor: Option<u32>,
}

/// All devices are allowed or denied, save for the accesses listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Policy {
    allowed: bool,
    exceptions: BTreeMap<Devices, u8>,
}

/// What every container may do, after the rules of its own (runtime-spec config-linux.md, "default
/// devices"; mknod of anything makes a node, not an access; 10:200 is /dev/net/tun).
const DEFAULTS: [(Kind, Option<u32>, Option<u32>, u8); 11] = [
    (Kind::Char, None, None, MKNOD),
    (Kind::Block, None, None, MKNOD),
    (Kind::Char, Some(1), Some(3), READ | WRITE | MKNOD),
    (Kind::Char, Some(1), Some(5), READ | WRITE | MKNOD),
    (Kind::Char, Some(1), Some(7), READ | WRITE | MKNOD),
    (Kind::Char, Some(1), Some(8), READ | WRITE | MKNOD),
    (Kind::Char, Some(1), Some(9), READ | WRITE | MKNOD),
    (Kind::Char, Some(5), Some(0), READ | WRITE | MKNOD),
    (Kind::Char, Some(5), Some(2), READ | WRITE | MKNOD),
    (Kind::Char, Some(10), Some(200), READ | WRITE | MKNOD),
    (Kind::Char, Some(136), None, READ | WRITE | MKNOD),
];

impl Policy {
    /// The container's rules in order, then the defaults.
    ///
    /// # Errors
    /// A rule has an unknown type or access, or a number that no device has.
    pub(super) fn new(rules: &[DeviceRule]) -> Result<Policy> {
        let mut policy = Policy::default();
        for rule in rules {
            let access = access(rule.access.as_deref())?;
            match rule.kind.as_deref() {
                None | Some("" | "a") => {
                    policy = Policy {
                        allowed: rule.allow,
                        ..Policy::default()
                    }
                }
                Some(kind) => policy.apply(devices(kind, rule)?, access, rule.allow),
            }
        }
        for (kind, major, minor, access) in DEFAULTS {
            policy.apply(Devices { kind, major, minor }, access, true);
        }
        Ok(policy)
    }

    /// A rule of the mode's own direction takes back an exception, one against it makes one. Only
    /// exceptions for exactly the same devices are taken back, as by the kernel of cgroup v1.
    fn apply(&mut self, devices: Devices, access: u8, allow: bool) {
        if allow != self.allowed {
            *self.exceptions.entry(devices).or_default() |= access;
        } else if let Some(exception) = self.exceptions.get_mut(&devices) {
            *exception &= !access;
            if *exception == 0 {
                self.exceptions.remove(&devices);
            }
        }
    }

    /// Writes the policy to a group of the v1 devices controller.
    pub(super) fn write(&self, group: &Path) -> Result<()> {
        let (mode, exception) = match self.allowed {
            true => ("devices.allow", "devices.deny"),
            false => ("devices.deny", "devices.allow"),
        };
        write_or_explain(&group.join(mode), "a")?;
        for (devices, access) in &self.exceptions {
            write_or_explain(&group.join(exception), &line(devices, *access))?;
        }
        Ok(())
    }
}

fn devices(kind: &str, rule: &DeviceRule) -> Result<Devices> {
    let kind = match kind {
        "b" => Kind::Block,
        "c" | "u" => Kind::Char,
        _ => bail!("linux.resources.devices: unknown type {kind:?}, it has to be a, b or c"),
    };
    let number = |value: Option<i64>| match value {
        None | Some(-1) => Ok(None),
        Some(value) => match u32::try_from(value) {
            Ok(value) => Ok(Some(value)),
            Err(_) => bail!("linux.resources.devices: {value} is no device number"),
        },
    };
    Ok(Devices {
        kind,
        major: number(rule.major)?,
        minor: number(rule.minor)?,
    })
}

/// Letters of `rwm`; none at all is every access.
fn access(letters: Option<&str>) -> Result<u8> {
    let letters = letters
        .filter(|letters| !letters.is_empty())
        .unwrap_or("rwm");
    letters.chars().try_fold(0, |access, letter| match letter {
        'r' => Ok(access | READ),
        'w' => Ok(access | WRITE),
        'm' => Ok(access | MKNOD),
        // No access, but runc passes over it, and so callers have it in their rules.
        'a' => Ok(access),
        _ => bail!("linux.resources.devices: unknown access {letter:?} in {letters:?}, it is made of r, w and m"),
    })
}

fn line(devices: &Devices, access: u8) -> String {
    let kind = if devices.kind == Kind::Block {
        'b'
    } else {
        'c'
    };
    let number =
        |value: Option<u32>| value.map_or_else(|| "*".to_owned(), |value| value.to_string());
    format!(
        "{kind} {}:{} {}",
        number(devices.major),
        number(devices.minor),
        letters(access)
    )
}

/// Accesses as letters of `rwm`.
fn letters(access: u8) -> String {
    let letters = [(READ, 'r'), (WRITE, 'w'), (MKNOD, 'm')];
    let set = letters.iter().filter(|(bit, _)| access & bit != 0);
    set.map(|(_, letter)| letter).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    pub(super) fn rule(
        allow: bool,
        kind: &str,
        major: i64,
        minor: i64,
        access: &str,
    ) -> DeviceRule {
        let (kind, access) = (Some(kind.to_owned()), Some(access.to_owned()));
        DeviceRule {
            allow,
            kind,
            major: Some(major),
            minor: Some(minor),
            access,
        }
    }

    #[test]
    fn a_container_without_rules_has_the_default_devices() {
        let policy = Policy::new(&[]).unwrap();
        let lines: Vec<String> = policy
            .exceptions
            .iter()
            .map(|(devices, access)| line(devices, *access))
            .collect();
        assert_eq!(
            lines,
            [
                "b *:* m",
                "c *:* m",
                "c 1:3 rwm",
                "c 1:5 rwm",
                "c 1:7 rwm",
                "c 1:8 rwm",
                "c 1:9 rwm",
                "c 5:0 rwm",
                "c 5:2 rwm",
                "c 10:200 rwm",
                "c 136:* rwm"
            ]
        );
    }

    #[test]
    fn a_wildcard_rule_forgets_what_was_before() {
        let rules = [rule(true, "c", 7, 7, "rwm"), rule(true, "a", -1, -1, "rwm")];
        assert_eq!(
            Policy::new(&rules).unwrap(),
            Policy {
                allowed: true,
                ..Policy::default()
            }
        );
    }

    #[test]
    fn a_deny_takes_back_only_what_it_names() {
        let rules = [
            rule(true, "c", 7, 7, "rwm"),
            rule(false, "c", 7, 7, "w"),
            rule(false, "c", 7, -1, "r"),
        ];
        let devices = Devices {
            kind: Kind::Char,
            major: Some(7),
            minor: Some(7),
        };
        assert_eq!(
            Policy::new(&rules).unwrap().exceptions[&devices],
            READ | MKNOD
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert!(Policy::new(&[rule(true, "x", 1, 1, "r")]).is_err());
        assert!(Policy::new(&[rule(true, "c", 1, 1, "rx")]).is_err());
        assert!(Policy::new(&[rule(true, "c", -2, 1, "r")]).is_err());
    }
}
