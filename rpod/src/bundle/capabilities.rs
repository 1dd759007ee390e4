//! Which capabilities a container has.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};

use crate::engine::Context;
use crate::engine::container::record::Security;
use crate::output::warn;

/// podman's, when containers.conf names none.
const DEFAULT: &[&str] = &[
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// In the kernel's order: the position is the number.
const ALL: &[&str] = &[
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

/// All names, in the order of their numbers.
pub fn names() -> &'static [&'static str] {
    ALL
}

/// `net_admin` and `CAP_NET_ADMIN` are one; `ALL` stands for itself.
pub fn normalize(name: &str) -> Result<String> {
    let upper = name.to_ascii_uppercase();
    if upper == "ALL" {
        return Ok(upper);
    }
    let full = if upper.starts_with("CAP_") {
        upper
    } else {
        format!("CAP_{upper}")
    };
    if !ALL.contains(&full.as_str()) {
        bail!("{full:?}: unknown capability: see capabilities(7) for their names");
    }
    Ok(full)
}

/// The label of an image that needs no other capabilities than these.
const LABEL: &str = "io.containers.capabilities";

/// What the label says, where that is less than the container has: it takes, and never gives.
pub fn of_label(
    ctx: &Context,
    security: &Security,
    labels: &BTreeMap<String, String>,
) -> Result<Option<Vec<String>>> {
    let Some(label) = labels.get(LABEL).filter(|_| !security.privileged) else {
        return Ok(None);
    };
    let names = label.split(',').filter(|name| !name.is_empty());
    let mut asked = names
        .map(normalize)
        .collect::<Result<Vec<_>>>()
        .with_context(|| {
            format!("capabilities requested by user or image are not valid: label {LABEL}={label}")
        })?;
    if asked.iter().any(|cap| cap == "ALL") {
        asked = bounding();
    }
    asked.sort();
    asked.dedup();
    let allowed = of(ctx, security)?;
    let more: Vec<&str> = asked
        .iter()
        .filter(|cap| !allowed.contains(cap))
        .map(String::as_str)
        .collect();
    if more.is_empty() {
        return Ok(Some(asked));
    }
    warn(&format!(
        "Capabilities requested by user or image are not allowed by default: {:?}",
        more.join(",")
    ));
    Ok(None)
}

/// The capabilities, sorted. `ALL` and privileged mean all that rpod itself could give.
pub(super) fn of(ctx: &Context, security: &Security) -> Result<Vec<String>> {
    if let Some(only) = security.only.as_ref().filter(|_| !security.privileged) {
        return Ok(only.clone());
    }
    let mut set: Vec<String> = if security.privileged {
        bounding()
    } else {
        match &ctx.config.containers_conf.containers.default_capabilities {
            Some(configured) => configured
                .iter()
                .map(|name| normalize(name))
                .collect::<Result<_>>()?,
            None => DEFAULT.iter().map(|name| (*name).to_owned()).collect(),
        }
    };
    if security.cap_add.iter().any(|cap| cap == "ALL") {
        set = bounding();
    }
    if security.cap_drop.iter().any(|cap| cap == "ALL") {
        set.clear();
    }
    set.retain(|cap| !security.cap_drop.contains(cap));
    set.extend(security.cap_add.iter().filter(|cap| *cap != "ALL").cloned());
    set.sort();
    set.dedup();
    Ok(set)
}

fn bounding() -> Vec<String> {
    let held = |number: usize| {
        // SAFETY: PR_CAPBSET_READ reads its integer argument only.
        unsafe { libc::prctl(libc::PR_CAPBSET_READ, number as libc::c_ulong) == 1 }
    };
    ALL.iter()
        .enumerate()
        .filter(|(number, _)| held(*number))
        .map(|(_, name)| (*name).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_normalized() {
        assert_eq!(normalize("net_admin").unwrap(), "CAP_NET_ADMIN");
        assert_eq!(normalize("all").unwrap(), "ALL");
        assert!(normalize("fly").is_err());
    }
}
