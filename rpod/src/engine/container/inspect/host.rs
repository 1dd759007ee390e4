//! `HostConfig`: what the container has of the host.

use serde_json::{Map, Value, json};

use super::{mode, security_options};
use crate::bundle;
use crate::engine::Context;
use crate::engine::container::record::{BlockIo, Container, IpcSharing, Namespace, Resources};
use crate::engine::network::inspect::mode as network_mode;
use crate::engine::network::port;
use crate::engine::user_namespace::UserNamespace;
use crate::engine::user_namespace::map::IdMap;
use crate::output;

pub(super) fn settings(ctx: &Context, container: &Container, config: &Value) -> Value {
    let (asked, security, network) = (
        &container.resources,
        &container.security,
        &container.network,
    );
    let binds = super::volumes_first(container).filter(|mount| mount.kind == "bind");
    let tmpfs = container
        .mounts
        .iter()
        .filter(|mount| mount.kind == "tmpfs");
    let ulimits = match config["process"]["rlimits"].as_array() {
        Some(limits) => limits.clone(),
        // It was never started: what was asked for. What cannot be given is told by the start.
        None => {
            let mut limits = bundle::rlimits(ctx, container).unwrap_or_default();
            let told = |name: &str| format!("RLIMIT_{}", name.to_uppercase());
            limits.retain(|limit| {
                asked
                    .ulimits
                    .iter()
                    .any(|own| limit["type"] == told(&own.name))
            });
            limits
        }
    };
    let mut settings = json!({
        "Binds": binds.map(|m| format!("{}:{}:{}", m.volume.as_ref().unwrap_or(&m.source), m.destination, m.all_options().join(","))).collect::<Vec<_>>(),
        "CgroupManager": asked.cgroup_manager,
        "CgroupMode": mode(&container.namespaces.cgroup),
        "LogConfig": log_config(ctx, container),
        "NetworkMode": network_mode(container),
        "PortBindings": port::bindings(&network.publish),
        "AutoRemove": container.remove,
        "CapAdd": sorted(&security.cap_add),
        "CapDrop": sorted(&security.cap_drop),
        "Dns": network.dns,
        "DnsOptions": network.dns_options,
        "DnsSearch": network.dns_search,
        "ExtraHosts": network.add_hosts,
        "GroupAdd": container.process.groups,
        "IpcMode": ipc_mode(container),
        "Cgroups": if asked.no_cgroup { "disabled" } else { "default" },
        "OomScoreAdj": asked.oom_score_adj.unwrap_or(0),
        "PidMode": mode(&container.namespaces.pid),
        "Privileged": security.privileged,
        "ReadonlyRootfs": container.read_only,
        "SecurityOpt": security_options(container),
        "Tmpfs": tmpfs.map(|m| (m.destination.clone(), json!(m.options.join(",")))).collect::<serde_json::Map<_, _>>(),
        "UTSMode": mode(&container.namespaces.uts),
        "ShmSize": container.shm_size,
        "Runtime": "oci",
        "CpuShares": asked.cpu_shares.unwrap_or(0),
        "Memory": asked.memory.unwrap_or(0),
        "MemoryReservation": asked.memory_reservation.unwrap_or(0),
        "MemorySwap": asked.memory_and_swap().unwrap_or(0),
        "CpuPeriod": asked.cpu_period.unwrap_or(0),
        "CpuQuota": asked.cpu_quota.unwrap_or(0),
        "CpusetCpus": asked.cpuset_cpus.clone().unwrap_or_default(),
        "CpusetMems": asked.cpuset_mems.clone().unwrap_or_default(),
        "CgroupParent": asked.cgroup_parent.clone().unwrap_or_default(),
        "Devices": given_devices(container),
        "PidsLimit": limit_of_processes(asked, config),
        "Ulimits": ulimits.iter().map(ulimit).collect::<Vec<_>>(),
    });
    if let Value::Object(all) = &mut settings {
        all.extend(less_usual(container, config));
        all.extend(of_other_hosts());
    }
    settings
}

/// Of a container that was started, what the runtime was told.
fn limit_of_processes(asked: &Resources, config: &Value) -> i64 {
    let limit = match &config["linux"]["resources"] {
        Value::Null => bundle::pids_limit(asked),
        told => told["pids"]["limit"].as_i64(),
    };
    limit.unwrap_or(0)
}

/// Devices of the host that were asked for, and where they are in the container.
fn given_devices(container: &Container) -> Value {
    let given = container.devices.iter().filter_map(|text| {
        let (source, target, access) = bundle::split_device(text).ok()?;
        // podman tells it only where it is not everything.
        let access = if access == "rwm" { "" } else { access };
        Some(
            json!({ "PathOnHost": source, "PathInContainer": target, "CgroupPermissions": access }),
        )
    });
    given.collect()
}

fn ipc_mode(container: &Container) -> String {
    match (&container.namespaces.ipc, container.namespaces.ipc_sharing) {
        (Namespace::Private, IpcSharing::Shareable) => "shareable".to_owned(),
        (Namespace::Private, IpcSharing::None) => "none".to_owned(),
        (other, _) => mode(other),
    }
}

/// Without end is -1.
fn ulimit(limit: &Value) -> Value {
    let signed = |key: &str| limit[key].as_u64().map(u64::cast_signed);
    json!({ "Name": limit["type"], "Soft": signed("soft"), "Hard": signed("hard") })
}

/// Only a driver that writes a file has a path.
fn log_config(ctx: &Context, container: &Container) -> Value {
    let path = match container.log_driver.as_str() {
        "k8s-file" | "json-file" => container.log_path(ctx).display().to_string(),
        _ => String::new(),
    };
    let size = match container.log_size_max.map(u64::try_from) {
        Some(Ok(size)) => output::human_size(size),
        _ => "-1B".to_owned(),
    };
    json!({ "Type": container.log_driver, "Config": Value::Null, "Path": path, "Tag": container.log_tag.as_deref().unwrap_or_default(), "Size": size })
}

/// Thousand-millionths of a CPU.
fn nano_cpus(quota: Option<i64>, period: Option<u64>) -> i64 {
    match (quota, period) {
        (Some(quota), Some(period)) if quota > 0 && period > 0 => {
            quota.saturating_mul(1_000_000_000) / period.cast_signed()
        }
        _ => 0,
    }
}

/// What Docker has for other systems, or for options that are none here: podman prints it so that readers find the key.
fn of_other_hosts() -> Map<String, Value> {
    let numbers = [
        "CpuCount",
        "CpuPercent",
        "DiskQuota",
        "IOMaximumBandwidth",
        "IOMaximumIOps",
        "KernelMemory",
    ];
    let texts = ["Cgroup", "Isolation", "VolumeDriver"];
    let numbers = numbers.map(|key| (key, json!(0)));
    let texts = texts.map(|key| (key, json!("")));
    let others = [("ConsoleSize", json!([0, 0])), ("Links", Value::Null)];
    let all = numbers.into_iter().chain(texts).chain(others);
    all.map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Limits that few ask for.
fn less_usual(container: &Container, config: &Value) -> Map<String, Value> {
    let (asked, restart) = (&container.resources, &container.restart);
    let mut all = Map::new();
    let mut add = |key: &str, value: Value| all.insert(key.to_owned(), value);
    let policy = match restart.policy.as_str() {
        "" => "no",
        policy => policy,
    };
    add(
        "RestartPolicy",
        json!({ "Name": policy, "MaximumRetryCount": restart.retries }),
    );
    add("AutoRemoveImage", json!(container.remove_image));
    add(
        "ContainerIDFile",
        json!(container.cidfile.clone().unwrap_or_default()),
    );
    add("PublishAllPorts", json!(container.network.publish_all));
    add("Annotations", super::annotations(container, config));
    add("HostsFile", json!(container.network.hosts_file));
    if container.init.is_some() {
        add("Init", json!(true));
    }
    add("VolumesFrom", list_or_null(&container.volumes_from));
    let unified = &asked.unified;
    add(
        "CgroupConf",
        if unified.is_empty() {
            Value::Null
        } else {
            json!(unified)
        },
    );
    add(
        "NanoCpus",
        json!(nano_cpus(asked.cpu_quota, asked.cpu_period)),
    );
    let users = match container.user_namespace {
        UserNamespace::Host => "",
        _ => "private",
    };
    add("UsernsMode", json!(users));
    if let Some(maps) = container.user_namespace.maps() {
        add(
            "IDMappings",
            json!({ "UidMap": shown(&maps.uids), "GidMap": shown(&maps.gids) }),
        );
    }
    let limits_memory = asked.memory.is_some()
        || asked.memory_reservation.is_some()
        || asked.memory_and_swap().is_some()
        || asked.oom_kill_disable;
    let swappiness = asked.memory_swappiness.map(|asked| json!(asked));
    let unsaid = json!(if limits_memory { -1 } else { 0 });
    add("MemorySwappiness", swappiness.unwrap_or(unsaid));
    add("CpuRealtimePeriod", json!(asked.cpu_rt_period.unwrap_or(0)));
    if let Some(class) = &asked.rdt_class {
        add("IntelRdtClosID", json!(class));
    }
    add(
        "CpuRealtimeRuntime",
        json!(asked.cpu_rt_runtime.unwrap_or(0)),
    );
    add("OomKillDisable", json!(asked.oom_kill_disable));
    let io = &asked.block_io;
    add("BlkioWeight", json!(io.weight.unwrap_or(0)));
    for (key, values, value) in [
        ("BlkioWeightDevice", &io.weight_device, "Weight"),
        ("BlkioDeviceReadBps", &io.read_bps, "Rate"),
        ("BlkioDeviceWriteBps", &io.write_bps, "Rate"),
        ("BlkioDeviceReadIOps", &io.read_iops, "Rate"),
        ("BlkioDeviceWriteIOps", &io.write_iops, "Rate"),
    ] {
        // Where anything is asked of block devices, what is not is an empty list.
        let is_asked = *io != BlockIo::default();
        add(
            key,
            if is_asked {
                json!(devices(values, value))
            } else {
                Value::Null
            },
        );
    }
    all
}

fn list_or_null(texts: &[String]) -> Value {
    match texts {
        [] => Value::Null,
        texts => json!(texts),
    }
}

/// `INSIDE:OUTSIDE:SIZE`
fn shown(maps: &[IdMap]) -> Vec<String> {
    let maps = maps.iter();
    maps.map(|map| format!("{}:{}:{}", map.inside, map.outside, map.size))
        .collect()
}

fn devices(values: &[(String, u64)], key: &str) -> Vec<Value> {
    let entries = values.iter();
    entries
        .map(|(path, value)| json!({ "Path": path, key: value }))
        .collect()
}

fn sorted(names: &[String]) -> Vec<&String> {
    let mut names: Vec<_> = names.iter().collect();
    names.sort();
    names
}
