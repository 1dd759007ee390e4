//! `spec`: a config.json to start from.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use nix::unistd::{getegid, geteuid};
use serde_json::{Value, json};

use crate::cgroup::is_unified;
use crate::cli::SpecOptions;
use crate::spec::{CONFIG_FILE, VERSION};

/// # Errors
/// There is one already, or it cannot be written.
pub(super) fn run(options: &SpecOptions) -> Result<ExitCode> {
    let directory = options.bundle.as_deref().unwrap_or(Path::new("."));
    let path = directory.join(CONFIG_FILE);
    let mut config = if options.rootless {
        rootless()
    } else {
        default()
    };
    // In cgroup v1 a namespace would hide from engines where a process is.
    if is_unified()
        && let Some(namespaces) = config["linux"]["namespaces"].as_array_mut()
    {
        namespaces.push(json!({"type": "cgroup"}));
    }
    let text = serde_json::to_string_pretty(&config)? + "\n";
    let file = OpenOptions::new().write(true).create_new(true).open(&path);
    let written = match file {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("File {} exists. Remove it first", path.display())
        }
        Err(error) => return Err(error).with_context(|| format!("create {}", path.display())),
        Ok(mut file) => file.write_all(text.as_bytes()),
    };
    if written.is_err() {
        fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
    }
    written.with_context(|| format!("write {}", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn mount(destination: &str, kind: &str, source: &str, options: &[&str]) -> Value {
    match options {
        [] => json!({"destination": destination, "type": kind, "source": source}),
        _ => {
            json!({"destination": destination, "type": kind, "source": source, "options": options})
        }
    }
}

fn default() -> Value {
    let capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
    json!({
        "ociVersion": VERSION,
        "process": {
            "terminal": true,
            "user": {"uid": 0, "gid": 0},
            "args": ["sh"],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "cwd": "/",
            "capabilities": {
                "bounding": capabilities, "effective": capabilities, "permitted": capabilities,
            },
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": true,
        },
        "root": {"path": "rootfs", "readonly": true},
        "hostname": "rrunc",
        "mounts": [
            mount("/proc", "proc", "proc", &[]),
            mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
            mount("/dev/pts", "devpts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
            mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
            mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
            mount("/sys/fs/cgroup", "cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", "ro"]),
        ],
        "linux": {
            "resources": {"devices": [{"allow": false, "access": "rwm"}]},
            "namespaces": [
                {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"},
            ],
            "maskedPaths": [
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
            ],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    })
}

/// For a caller without privileges: its own user and group become root, the
/// network stays the host's, and what needs other ids or cgroups is left out.
fn rootless() -> Value {
    let mut config = default();
    config["linux"]["namespaces"] = json!([{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}, {"type": "user"}]);
    config["linux"]["uidMappings"] =
        json!([{"containerID": 0, "hostID": geteuid().as_raw(), "size": 1}]);
    config["linux"]["gidMappings"] =
        json!([{"containerID": 0, "hostID": getegid().as_raw(), "size": 1}]);
    if let Some(linux) = config["linux"].as_object_mut() {
        linux.remove("resources");
    }
    if let Some(mounts) = config["mounts"].as_array_mut() {
        mounts.retain(|mount| mount["type"] != "cgroup" && mount["type"] != "sysfs");
        for mount in &mut *mounts {
            if let Some(options) = mount["options"].as_array_mut() {
                options.retain(|option| option != "gid=5");
            }
        }
        mounts.push(mount(
            "/sys",
            "none",
            "/sys",
            &["rbind", "nosuid", "noexec", "nodev", "ro"],
        ));
    }
    config
}
