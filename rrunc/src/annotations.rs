//! Annotations that crun honours and engines set (`run.oci.*`, crun(1)).
//!
//! One that is of crun's own making and not acted on here is refused: whoever
//! sets it relies on it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail, ensure};

/// As `annotations` of config.json.
pub(crate) type Annotations = BTreeMap<String, String>;

const KEEP_GROUPS: &str = "run.oci.keep_original_groups";
const HOOKS_STDOUT: &str = "run.oci.hooks.stdout";
const HOOKS_STDERR: &str = "run.oci.hooks.stderr";
const SECCOMP_RECEIVER: &str = "run.oci.seccomp.receiver";
const PIDFD_RECEIVER: &str = "run.oci.pidfd_receiver";
const MOUNT_CONTEXT: &str = "run.oci.mount_context_type";

/// Acted on elsewhere than by the functions below: by the cgroup manager.
const OF_SYSTEMD: [&str; 2] = ["run.oci.systemd.subgroup", "run.oci.delegate-cgroup"];

/// Refuse what this runtime does not act on.
///
/// # Errors
/// The first such annotation.
pub(crate) fn check(annotations: &Annotations) -> Result<()> {
    const KNOWN: [&str; 6] = [
        KEEP_GROUPS,
        HOOKS_STDOUT,
        HOOKS_STDERR,
        SECCOMP_RECEIVER,
        PIDFD_RECEIVER,
        MOUNT_CONTEXT,
    ];
    for (name, value) in annotations {
        ensure!(
            !name.starts_with("run.oci.")
                || KNOWN.contains(&name.as_str())
                || OF_SYSTEMD.contains(&name.as_str()),
            "annotations.{name}: {value:?}: this annotation of crun is not supported; remove it or use crun"
        );
    }
    mount_context(annotations).map(drop)
}

/// Whether the process keeps the caller's further groups.
pub(crate) fn keeps_groups(annotations: &Annotations) -> bool {
    annotations
        .get(KEEP_GROUPS)
        .is_some_and(|value| value != "0")
}

/// Files that get what hooks print, stdout and stderr.
pub(crate) fn hook_output(annotations: &Annotations) -> [Option<&Path>; 2] {
    [HOOKS_STDOUT, HOOKS_STDERR].map(|name| annotations.get(name).map(Path::new))
}

/// The socket of the agent that answers a seccomp filter's notifications.
pub(crate) fn seccomp_receiver(annotations: &Annotations) -> Option<&Path> {
    annotations.get(SECCOMP_RECEIVER).map(Path::new)
}

/// The socket that gets a pidfd of the process.
pub(crate) fn pidfd_receiver(annotations: &Annotations) -> Option<&Path> {
    annotations.get(PIDFD_RECEIVER).map(Path::new)
}

/// The mount option that takes `linux.mountLabel`.
///
/// # Errors
/// The annotation names no such option.
pub(crate) fn mount_context(annotations: &Annotations) -> Result<&'static str> {
    match annotations.get(MOUNT_CONTEXT).map(String::as_str) {
        None | Some("context") => Ok("context"),
        Some("fscontext") => Ok("fscontext"),
        Some("defcontext") => Ok("defcontext"),
        Some("rootcontext") => Ok("rootcontext"),
        Some(other) => bail!(
            "annotations.{MOUNT_CONTEXT}: {other:?} is none of context, fscontext, defcontext, rootcontext"
        ),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn annotations(pairs: &[(&str, &str)]) -> Annotations {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn what_is_not_acted_on_is_refused() {
        check(&annotations(&[
            ("run.oci.keep_original_groups", "1"),
            ("my.own", "x"),
        ]))
        .unwrap();
        for (name, value) in [
            ("run.oci.handler", "krun"),
            ("run.oci.mount_context_type", "x"),
        ] {
            let error = check(&annotations(&[(name, value)]))
                .unwrap_err()
                .to_string();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
    }
}
