//! What must hold of a configuration before anything is made from it.

use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path};

use anyhow::{Result, bail, ensure};
use nix::unistd::geteuid;

use super::{Linux, NamespaceKind, Process, Spec};
use crate::annotations;

/// Refuse what cannot become a container, naming the value's JSON path.
///
/// # Errors
/// The first rule that does not hold.
pub(crate) fn check(spec: &Spec) -> Result<()> {
    version(&spec.oci_version)?;
    annotations::check(&spec.annotations)?;
    if let Some(process) = &spec.process {
        check_process(process, "process.")?;
    }
    let root = spec.root.as_ref().map(|root| root.path.as_path());
    ensure!(
        root.is_some_and(|path| !path.as_os_str().is_empty()),
        "root.path: the bundle's root filesystem is not given"
    );
    names(spec)?;
    for (index, mount) in spec.mounts.iter().enumerate() {
        ensure!(
            !mount.destination.as_os_str().is_empty(),
            "mounts[{index}].destination: empty"
        );
        ensure!(
            mount.uid_mappings.is_empty() == mount.gid_mappings.is_empty(),
            "mounts[{index}]: uidMappings and gidMappings must be given together"
        );
    }
    check_linux(&spec.linux)
}

/// The rules of a process, also of one given to `exec`; `at` is the JSON path
/// in front of the field's name.
///
/// # Errors
/// The first rule that does not hold.
pub(crate) fn check_process(process: &Process, at: &str) -> Result<()> {
    ensure!(
        !process.args.is_empty(),
        "{at}args: must name the program to run"
    );
    ensure!(
        process.cwd.is_absolute(),
        "{at}cwd: {:?} is not an absolute path",
        process.cwd
    );
    for (index, pair) in process.env.iter().enumerate() {
        ensure!(
            !pair.contains('\0'),
            "{at}env[{index}]: contains a nul byte"
        );
    }
    ensure!(
        !process.args.iter().any(|arg| arg.contains('\0')),
        "{at}args: contains a nul byte"
    );
    Ok(())
}

fn version(version: &str) -> Result<()> {
    ensure!(!version.is_empty(), "ociVersion: not given");
    match version.split('.').next() {
        Some("1") => Ok(()),
        _ => bail!("ociVersion: {version:?} is not supported; this runtime reads 1.x"),
    }
}

/// A name of the host would be overwritten without a UTS namespace.
fn names(spec: &Spec) -> Result<()> {
    let private_uts = spec.linux.namespace(NamespaceKind::Uts).is_some();
    for (field, value) in [
        ("hostname", &spec.hostname),
        ("domainname", &spec.domainname),
    ] {
        let asked = value.as_ref().is_some_and(|name| !name.is_empty());
        ensure!(
            !asked || private_uts,
            "{field}: unable to set {field} without a private UTS namespace"
        );
    }
    Ok(())
}

fn check_linux(linux: &Linux) -> Result<()> {
    namespaces(linux)?;
    mappings(linux)?;
    sysctls(linux)?;
    for (field, paths) in [
        ("maskedPaths", &linux.masked_paths),
        ("readonlyPaths", &linux.readonly_paths),
    ] {
        for (index, path) in paths.iter().enumerate() {
            ensure!(
                is_plain_absolute(path),
                "linux.{field}[{index}]: {path:?} must be absolute, without '..'"
            );
        }
    }
    net_devices(linux)?;
    let label = linux.mount_label.as_deref().unwrap_or_default();
    ensure!(
        label.is_empty() || Path::new("/sys/fs/selinux/enforce").exists(),
        "linux.mountLabel: selinux label is specified in config, but selinux is disabled or not supported"
    );
    Ok(())
}

fn namespaces(linux: &Linux) -> Result<()> {
    for (index, namespace) in linux.namespaces.iter().enumerate() {
        let at = format!("linux.namespaces[{index}]");
        let first = linux
            .namespaces
            .iter()
            .position(|other| other.kind == namespace.kind);
        ensure!(
            first == Some(index),
            "{at}: {} is given twice",
            namespace.kind.name()
        );
        if let Some(path) = &namespace.path {
            ensure!(
                path.is_absolute(),
                "{at}.path: {path:?} is not an absolute path"
            );
        }
    }
    ensure!(
        linux.time_offsets.is_empty() || linux.makes(NamespaceKind::Time),
        "linux.timeOffsets: needs a new time namespace in linux.namespaces"
    );
    for clock in linux.time_offsets.keys() {
        ensure!(
            matches!(clock.as_str(), "monotonic" | "boottime"),
            "linux.timeOffsets.{clock}: no such clock"
        );
    }
    Ok(())
}

/// Devices go to a network namespace of the container's.
fn net_devices(linux: &Linux) -> Result<()> {
    for (name, device) in &linux.net_devices {
        let at = format!("linux.netDevices.{name}");
        let namespace = linux.namespace(NamespaceKind::Network);
        ensure!(
            namespace.is_some(),
            "{at}: unable to move network devices without a network namespace"
        );
        let is_ours = |path: &Path| {
            let inode = |path: &Path| std::fs::metadata(path).map(|found| found.ino()).ok();
            inode(path) == inode(Path::new("/proc/self/ns/net"))
        };
        ensure!(
            !namespace
                .and_then(|namespace| namespace.path.as_deref())
                .is_some_and(is_ours),
            "{at}: unable to move network devices in the host network namespace"
        );
        ensure!(
            geteuid().is_root(),
            "{at}: unable to move network devices as an ordinary user"
        );
        for name in [name, &device.name] {
            ensure!(
                name.len() < libc::IFNAMSIZ
                    && name != "."
                    && name != ".."
                    && !name.contains(|c: char| c == '/' || c == ':' || c.is_whitespace()),
                "{at}: invalid network device name {name:?}"
            );
        }
    }
    Ok(())
}

fn mappings(linux: &Linux) -> Result<()> {
    let mapped = !linux.uid_mappings.is_empty() || !linux.gid_mappings.is_empty();
    ensure!(
        !mapped || linux.has_user_namespace(),
        "linux.uidMappings: user namespace mappings specified, but user namespace isn't enabled in the config"
    );
    ensure!(
        !linux.makes(NamespaceKind::User)
            || (!linux.uid_mappings.is_empty() && !linux.gid_mappings.is_empty()),
        "linux.uidMappings, linux.gidMappings: a new user namespace needs both"
    );
    Ok(())
}

/// Settings that are not of a namespace would change the host.
fn sysctls(linux: &Linux) -> Result<()> {
    const OF_IPC: [&str; 9] = [
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
        "kernel.msg_next_id",
    ];
    for key in linux.sysctl.keys() {
        let name = key.replace('/', ".");
        ensure!(
            !name.split('.').any(str::is_empty),
            "linux.sysctl.{key}: not a setting's name"
        );
        let needs = if name.starts_with("fs.mqueue.") || OF_IPC.contains(&name.as_str()) {
            NamespaceKind::Ipc
        } else if name.starts_with("net.") {
            NamespaceKind::Network
        } else if matches!(name.as_str(), "kernel.domainname" | "kernel.hostname") {
            NamespaceKind::Uts
        } else {
            bail!("linux.sysctl.{key}: sysctl {key:?} is not in a separate kernel namespace");
        };
        ensure!(
            linux.namespace(needs).is_some(),
            "linux.sysctl.{key}: sysctl {key:?} is not allowed in the host's {} namespace",
            needs.name()
        );
    }
    Ok(())
}

fn is_plain_absolute(path: &Path) -> bool {
    path.is_absolute() && !path.components().any(|part| part == Component::ParentDir)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> String {
        let spec: Spec = serde_json::from_str(json).unwrap();
        check(&spec).unwrap_err().to_string()
    }

    #[test]
    fn refusals_name_the_json_path() {
        for (json, start) in [
            (r#"{}"#, "ociVersion:"),
            (r#"{"ociVersion":"2.0.0"}"#, "ociVersion: \"2.0.0\""),
            (r#"{"ociVersion":"1.0.0"}"#, "root.path:"),
            (
                r#"{"ociVersion":"1.0.0","process":{"cwd":"/"}}"#,
                "process.args:",
            ),
            (
                r#"{"ociVersion":"1.0.0","root":{"path":"r"},"hostname":"x"}"#,
                "hostname:",
            ),
            (
                r#"{"ociVersion":"1.0.0","root":{"path":"r"},"linux":{"sysctl":{"kernel.panic":"1"}}}"#,
                "linux.sysctl.kernel.panic:",
            ),
            (
                r#"{"ociVersion":"1.0.0","root":{"path":"r"},"linux":{"namespaces":[{"type":"user"}]}}"#,
                "linux.uidMappings",
            ),
            (
                r#"{"ociVersion":"1.0.0","root":{"path":"r"},"linux":{"namespaces":[{"type":"pid"},{"type":"pid"}]}}"#,
                "linux.namespaces[1]: pid is given twice",
            ),
        ] {
            let error = refusal(json);
            assert!(error.starts_with(start), "{json}: {error}");
        }
    }
}
