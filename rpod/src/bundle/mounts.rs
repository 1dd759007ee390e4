//! `mounts`: the kernel's file systems, the files that rpod makes, and what was asked for.
//!
//! A destination that was asked for replaces the default one.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::Place;
use crate::engine::container::record::{Container, Mount, Namespace};
use crate::engine::rootless;
use crate::engine::secret::attach;
use crate::engine::user_namespace::map::IdMap;
use crate::engine::user_namespace::{Maps, UserNamespace, mount_map};
use crate::rootless::own_map;
use crate::systemd::mode;

pub(super) fn of(container: &Container, place: &Place) -> Result<Vec<Value>> {
    let mut all = kernel_file_systems(container);
    if container.systemd {
        let wanted = mode::mounts(container);
        // Where the groups are the container's own they replace the read-only ones; in version 1 they lie in those.
        all.retain(|default| {
            wanted
                .iter()
                .all(|mount| mount["destination"] != default["destination"])
        });
        all.extend(wanted);
    }
    if let Some(shm) = place.shm {
        let mut options = vec!["bind", "rprivate", "nosuid", "noexec", "nodev"];
        options.extend(read_only(container));
        all.push(bind(shm.to_string_lossy(), "/dev/shm", &options));
    }
    for file in place.files {
        let source = file.source.to_string_lossy();
        all.push(bind(&source, &file.destination, &["bind", "rprivate"]));
        for dir in &container.chroot_dirs {
            let destination = format!("{}{}", dir.trim_end_matches('/'), file.destination);
            all.push(bind(&source, &destination, &["bind", "rprivate"]));
        }
    }
    for (number, secret) in container.secrets.iter().enumerate() {
        if secret.variable.is_none() {
            let copy = attach::path(place.home, number);
            all.push(bind(
                copy.to_string_lossy(),
                &secret.target,
                &["bind", "rprivate"],
            ));
        }
    }
    if let Some(init) = &container.init {
        all.push(bind(
            init.to_string_lossy(),
            "/run/podman-init",
            &["bind", "ro"],
        ));
    }
    if let Some(pause) = &container.pause {
        let name = pause.file_name().unwrap_or_default().to_string_lossy();
        all.push(bind(
            pause.to_string_lossy(),
            &format!("/{name}"),
            &["bind", "rprivate", "ro", "nosuid", "nodev"],
        ));
    } else if container.read_only && !container.no_read_only_tmpfs {
        for dir in ["/tmp", "/var/tmp", "/run"] {
            if !all.iter().any(|mount| mount["destination"] == dir) {
                all.push(json!({ "destination": dir, "type": "tmpfs", "source": "tmpfs", "options": ["rw", "rprivate", "nosuid", "nodev", "tmpcopyup"] }));
            }
        }
    }
    let mut asked = Vec::new();
    for mount in &container.mounts {
        let users = container.user_namespace.maps();
        asked.push(
            user_mount(mount, users).with_context(|| format!("volume {}", mount.destination))?,
        );
    }
    all.retain(|default| {
        !asked
            .iter()
            .any(|mount| mount["destination"] == default["destination"])
    });
    // Parents before what lies in them; rpod's own keep their order.
    asked.sort_by_key(|mount| {
        mount["destination"]
            .as_str()
            .map_or(0, |path| path.matches('/').count())
    });
    let first_file = all
        .iter()
        .position(|mount| mount["type"] == "bind")
        .unwrap_or(all.len());
    let (above, below): (Vec<_>, Vec<_>) = asked
        .into_iter()
        .partition(|mount| covers_default(mount, &all));
    all.splice(first_file..first_file, above);
    all.extend(below);
    Ok(all)
}

/// A mount on a directory that holds one of rpod's own has to come before it, or it would hide it.
fn covers_default(mount: &Value, defaults: &[Value]) -> bool {
    let Some(destination) = mount["destination"].as_str() else {
        return false;
    };
    let inside = format!("{}/", destination.trim_end_matches('/'));
    defaults.iter().any(|default| {
        default["destination"]
            .as_str()
            .is_some_and(|path| path.starts_with(&inside))
    })
}

/// podman-run(1), "--read-only-tmpfs": without it a read-only root has nothing that could be written.
fn read_only(container: &Container) -> Option<&'static str> {
    (container.read_only && container.no_read_only_tmpfs).then_some("ro")
}

fn kernel_file_systems(container: &Container) -> Vec<Value> {
    let privileged = container.security.privileged;
    let fs = |destination: &str, kind: &str, options: &[&str]| json!({ "destination": destination, "type": kind, "source": kind, "options": options });
    let given: Vec<&str> = container
        .security
        .proc_opts
        .iter()
        .map(String::as_str)
        .collect();
    let options = match given[..] {
        [] => &["nosuid", "noexec", "nodev"][..],
        _ => &given,
    };
    let is_mapped = rootless() || container.user_namespace != UserNamespace::Host;
    // As sysfs below: a new one is for whoever owns the pid namespace.
    let mut all = vec![match container.namespaces.pid {
        Namespace::Host if is_mapped => bind(
            "/proc",
            "/proc",
            &[&["rbind", "rprivate"][..], options].concat(),
        ),
        _ => fs("/proc", "proc", options),
    }];
    let mut options = vec!["nosuid", "strictatime", "mode=755", "size=65536k"];
    options.extend(read_only(container));
    all.push(fs("/dev", "tmpfs", &options));
    // sysfs shows the network namespace that it is mounted in, so the kernel refuses a new one to whoever does not own it.
    let access = if privileged { "rw" } else { "ro" };
    match &container.namespaces.net {
        Namespace::Host | Namespace::Path(_) if is_mapped => all.push(bind(
            "/sys",
            "/sys",
            &["rbind", "rprivate", "nosuid", "noexec", "nodev", access],
        )),
        _ => all.push(fs("/sys", "sysfs", &["nosuid", "noexec", "nodev", access])),
    }
    let mut terminals = vec![
        "nosuid",
        "noexec",
        "newinstance",
        "ptmxmode=0666",
        "mode=0620",
    ];
    if has_tty_group(container) {
        terminals.push("gid=5");
    }
    all.push(fs("/dev/pts", "devpts", &terminals));
    match &container.namespaces.ipc {
        Namespace::Host if !Path::new("/dev/mqueue").exists() => {}
        Namespace::Host => all.push(bind(
            "/dev/mqueue",
            "/dev/mqueue",
            &["bind", "nosuid", "noexec", "nodev"],
        )),
        _ => all.push(fs("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"])),
    }
    if !container.resources.no_cgroup {
        let access = if privileged { "rw" } else { "ro" };
        all.push(fs(
            "/sys/fs/cgroup",
            "cgroup",
            &["rprivate", "nosuid", "noexec", "nodev", "relatime", access],
        ));
    }
    all
}

/// Terminals belong to the group tty, number 5, where the container has it.
fn has_tty_group(container: &Container) -> bool {
    const TTY: u32 = 5;
    match container.user_namespace.maps() {
        Some(maps) => maps
            .gids
            .iter()
            .any(|map| map.inside <= TTY && TTY - map.inside < map.size),
        None => {
            !rootless()
                || own_map("gid_map").is_ok_and(|maps| {
                    maps.iter()
                        .any(|map| map.inside <= TTY && TTY - map.inside < map.size)
                })
        }
    }
}

fn bind(source: impl AsRef<str>, destination: &str, options: &[&str]) -> Value {
    json!({ "destination": destination, "type": "bind", "source": source.as_ref(), "options": options })
}

/// The owners on the disk are the container's own.
fn mappings(maps: &[IdMap]) -> Value {
    let each = maps
        .iter()
        .map(|map| json!({ "containerID": map.inside, "hostID": map.outside, "size": map.size }));
    each.collect()
}

fn user_mount(mount: &Mount, users: Option<&Maps>) -> Result<Value> {
    let mut options = mount.all_options();
    // rpod's own work, done before.
    options.retain(|option| !matches!(option.as_str(), "U" | "z" | "Z" | "nocopy"));
    let mut idmap = None;
    for option in &mut options {
        if mount_map::is_asked_by(option) {
            idmap = Some(std::mem::replace(option, "idmap".to_owned()));
        } else if option == "no-dereference" {
            // As crun calls it.
            "copy-symlink".clone_into(option);
        }
    }
    let mut entry = json!({ "destination": mount.destination, "type": mount.kind, "source": mount.source, "options": options });
    if let Some(idmap) = idmap {
        let maps = match (idmap.strip_prefix("idmap="), users) {
            (Some(text), users) => mount_map::parse(text, users).context(idmap.clone())?,
            (None, Some(users)) => users.clone(),
            (None, None) => bail!(
                "idmap: the container has no users of its own: give it some with --userns or --uidmap, or leave idmap out"
            ),
        };
        entry["uidMappings"] = mappings(&maps.uids);
        entry["gidMappings"] = mappings(&maps.gids);
    }
    Ok(entry)
}
