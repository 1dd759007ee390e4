//! `SpecGenerator` of a container.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::{Spec, mounts, namespaces};
use crate::bundle;
use crate::engine::container::health::Settings;
use crate::engine::container::record::{Container, DirectoryKind};
use crate::engine::network::port::Mapping;

/// As it was asked for; `name` is the new one's.
pub fn of_container(container: &Container, name: &str) -> Result<Value> {
    let mut spec = Spec::default();
    basics(&mut spec, container, name);
    files(&mut spec, container);
    security(&mut spec, container);
    network(&mut spec, container);
    limits(&mut spec, container)?;
    health(&mut spec, &container.health);
    Ok(spec.0.into())
}

fn basics(spec: &mut Spec, container: &Container, name: &str) {
    let process = &container.process;
    spec.add("name", name);
    spec.add("pod", container.pod.clone());
    spec.add("entrypoint", process.entrypoint.clone());
    spec.add("command", process.command.clone());
    let env = process.env.iter().filter_map(|one| one.split_once('='));
    let env: Map<String, Value> = env
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
    spec.add("env", env);
    spec.add("terminal", process.tty);
    spec.add("stdin", process.stdin);
    spec.add("labels", json!(container.labels));
    spec.add("annotations", json!(container.annotations));
    spec.add("stop_signal", container.stop_signal);
    spec.add("stop_timeout", container.stop_timeout);
    spec.add("timeout", container.timeout);
    spec.add("log_configuration", log(container));
    spec.add("restart_policy", container.restart.policy.clone());
    spec.add("restart_tries", container.restart.retries);
    spec.add("systemd", if container.systemd { "true" } else { "" });
    spec.add("sdnotifyMode", container.sdnotify.as_str());
    spec.always("pidns", namespaces::of(&container.namespaces.pid));
    spec.always("utsns", namespaces::of(&container.namespaces.uts));
    spec.add("hostname", container.hostname.clone());
    spec.add("hostusers", container.accounts.host_users.clone());
    spec.add("sysctl", json!(container.security.sysctls));
    spec.add("remove", container.remove);
    spec.add("removeImage", container.remove_image);
    spec.add("containerCreateCommand", container.create_command.clone());
    spec.add("dependencyContainers", container.requires.clone());
    let variables = container.secrets.iter().filter_map(|secret| {
        let variable = secret.variable.clone()?;
        Some((variable, Value::from(secret.name.clone())))
    });
    spec.add("secret_env", variables.collect::<Map<_, _>>());
    spec.always(
        "init_container_type",
        json!(container.init_ctr).as_str().unwrap_or_default(),
    );
    if let Some(domain) = &process.personality {
        spec.add("personality", json!({ "domain": domain }));
    }
    spec.add("unsetenv", process.unset_env.clone());
    spec.add("unsetenvall", process.unset_all_env);
    if !container.accounts.added {
        spec.always("manage_password", false);
    }
    spec.add("passwd_entry", container.accounts.passwd_entry.clone());
    spec.add("group_entry", container.accounts.group_entry.clone());
}

fn log(container: &Container) -> Value {
    let mut log = Spec::default();
    log.add("driver", container.log_driver.clone());
    log.add("path", json!(container.log_file));
    log.add("size", container.log_size_max);
    log.add("labels", json!(container.log_labels));
    if let Some(tag) = &container.log_tag {
        log.add("options", json!({ "tag": tag }));
    }
    log.0.into()
}

fn files(spec: &mut Spec, container: &Container) {
    spec.always("image", container.image.id.clone());
    spec.add("raw_image_name", container.image.raw_name.clone());
    if let Some(rootfs) = &container.rootfs {
        spec.add("rootfs", json!(rootfs.path));
        spec.add("rootfs_overlay", rootfs.kind == DirectoryKind::Overlay);
    }
    spec.add("init", container.init.is_some());
    spec.add("init_path", json!(container.init));
    mounts::add(spec, &container.mounts);
    let devices = container.devices.iter().map(|device| {
        // As it was given: the API looks the rest up.
        json!({ "path": device, "type": "", "major": 0, "minor": 0 })
    });
    spec.add("devices", devices.collect::<Vec<_>>());
    spec.add("gpus", container.gpus.clone());
    spec.always("ipcns", namespaces::of(&container.namespaces.ipc));
    spec.add("shm_size", container.shm_size);
    spec.add("shm_size_systemd", container.shm_size_systemd);
    spec.add("timezone", container.time_zone.clone());
    spec.add("work_dir", container.process.workdir.clone());
    let secrets = container
        .secrets
        .iter()
        .filter(|secret| secret.variable.is_none());
    let secrets = secrets.map(|secret| {
        json!({
            "Source": secret.name,
            "Target": secret.target,
            "UID": secret.uid,
            "GID": secret.gid,
            "Mode": secret.mode,
        })
    });
    spec.add("secrets", secrets.collect::<Vec<_>>());
    spec.add("chroot_directories", container.chroot_dirs.clone());
}

fn security(spec: &mut Spec, container: &Container) {
    let security = &container.security;
    spec.add("privileged", security.privileged);
    spec.add("user", container.process.user.clone());
    spec.add("groups", container.process.groups.clone());
    spec.add("cap_add", security.cap_add.clone());
    spec.add("cap_drop", security.cap_drop.clone());
    spec.add("procfs_opts", security.proc_opts.clone());
    spec.add("apparmor_profile", security.apparmor.clone());
    spec.add("seccomp_profile_path", security.seccomp.clone());
    spec.add("no_new_privileges", security.no_new_privileges);
    namespaces::add_users(spec, &container.user_namespace);
    spec.add("read_only_filesystem", container.read_only);
    spec.add(
        "read_write_tmpfs",
        container.read_only && !container.no_read_only_tmpfs,
    );
    spec.add("umask", container.process.umask.clone());
    spec.add("mask", security.mask.clone());
    spec.add("unmask", security.unmask.clone());
    spec.always("cgroupns", namespaces::of(&container.namespaces.cgroup));
    let asked = &container.resources;
    let cgroups = match (asked.no_cgroup, asked.split_cgroup, asked.monitor_stays) {
        (true, ..) => "disabled",
        (_, true, _) => "split",
        (_, _, true) => "no-conmon",
        _ => "",
    };
    spec.add("cgroups_mode", cgroups);
    spec.add("cgroup_parent", asked.cgroup_parent.clone());
}

fn network(spec: &mut Spec, container: &Container) {
    let network = &container.network;
    namespaces::add_network(spec, container);
    spec.add("portmappings", ports(&network.publish));
    spec.add("publish_image_ports", network.publish_all);
    let mut exposed = Map::new();
    for (port, protocol) in network.exposed.iter().filter_map(|one| one.split_once('/')) {
        exposed.insert(port.to_owned(), protocol.into());
    }
    spec.add("expose", exposed);
    let mut networks = Map::new();
    for name in &network.names {
        let asked = network.endpoints.get(name).cloned().unwrap_or_default();
        let mut place = Spec::default();
        place.add("static_ips", json!(asked.ips));
        place.add("aliases", asked.aliases);
        place.add("static_mac", asked.mac);
        place.always("interface_name", asked.interface.unwrap_or_default());
        networks.insert(name.clone(), place.0.into());
    }
    spec.always(
        "Networks",
        if networks.is_empty() {
            Value::Null
        } else {
            networks.into()
        },
    );
    spec.add("networkOrder", network.names.clone());
    spec.add("dns_server", network.dns.clone());
    spec.add("dns_search", network.dns_search.clone());
    spec.add("dns_option", network.dns_options.clone());
    spec.add("use_image_hostname", container.no_hostname);
    spec.always("use_image_hosts", network.no_hosts);
    spec.add("base_hosts_file", network.hosts_file.clone());
    spec.add("hostadd", network.add_hosts.clone());
}

pub(super) fn ports(published: &[Mapping]) -> Value {
    let mapping = |port: &Mapping| {
        json!({
            "host_ip": port.host_ip,
            "container_port": port.container_port,
            "host_port": port.host_port,
            "range": port.range,
            "protocol": port.protocol,
        })
    };
    published.iter().map(mapping).collect()
}

fn limits(spec: &mut Spec, container: &Container) -> Result<()> {
    let asked = &container.resources;
    if let Some(class) = &asked.rdt_class {
        spec.add("intelRdt", json!({ "closID": class }));
    }
    let mut resources = bundle::resources(container)?;
    if let Some(all) = resources.as_object_mut() {
        // Every container gets these; the API adds them by itself.
        all.shift_remove("devices");
    }
    spec.always("resource_limits", resources);
    let ulimits = asked.ulimits.iter().map(|limit| {
        json!({
            "type": limit.name,
            "hard": limit.hard.cast_unsigned(),
            "soft": limit.soft.cast_unsigned(),
        })
    });
    spec.add("r_limits", ulimits.collect::<Vec<_>>());
    spec.add("oom_score_adj", asked.oom_score_adj);
    Ok(())
}

fn health(spec: &mut Spec, health: &Settings) {
    if !health.test.is_empty() {
        spec.add("healthconfig", health.inspect());
        // A number there, which begins with 1 for none.
        spec.add(
            "health_check_on_failure_action",
            health.on_failure as u32 + 1,
        );
    }
    if let Some(startup) = &health.startup {
        spec.add("startupHealthConfig", startup.inspect());
    }
    spec.always("healthLogDestination", health.log_destination.clone());
    spec.always("healthMaxLogCount", health.log_count);
    spec.always("healthMaxLogSize", health.log_size);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_not_asked_for_is_left_out() {
        let container = Container::default();
        let spec = of_container(&container, "other").unwrap();
        let keys: Vec<&str> = spec
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        for absent in [
            "env",
            "labels",
            "privileged",
            "mounts",
            "portmappings",
            "r_limits",
        ] {
            assert!(!keys.contains(&absent), "{absent}");
        }
        assert_eq!(spec["name"], "other");
        assert_eq!(spec["pidns"]["nsmode"], "private");
    }
}
