//! What `pod inspect` tells, in podman's shape.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::record::Pod;
use super::status::{self, Member};
use crate::engine::Context;
use crate::engine::container::inspect as container;
use crate::engine::container::record::{Container, Namespace};
use crate::engine::network::port;

/// The object that `rpod pod inspect` prints.
pub fn inspect(ctx: &Context, pod: &Pod) -> Result<Value> {
    let members = status::of(ctx, pod)?;
    let infra = members.iter().map(|m| &m.container).find(|c| c.infra);
    let mut all = Map::new();
    let mut put = |key: &str, value: Value| all.insert(key.to_owned(), value);
    put("Id", json!(pod.id));
    put("Name", json!(pod.name));
    put("Created", json!(pod.created));
    put("CreateCommand", json!(pod.create_command));
    put("ExitPolicy", json!(pod.exit_policy.as_str()));
    put("State", json!(status::word(&members)));
    put("Hostname", json!(pod.hostname.clone().unwrap_or_default()));
    if !pod.labels.is_empty() {
        put("Labels", json!(pod.labels));
    }
    put("CreateCgroup", json!(pod.share_parent));
    put("CgroupParent", json!(pod.cgroup_parent(ctx)));
    if let Some(path) = pod.cgroup(ctx) {
        put("CgroupPath", json!(path));
    }
    put("CreateInfra", json!(infra.is_some()));
    if let Some(infra) = infra {
        put("InfraContainerID", json!(infra.id));
        put("InfraConfig", infra_config(infra));
    }
    if !pod.share.is_empty() {
        let names: Vec<_> = pod.share.iter().map(|shared| shared.as_str()).collect();
        put("SharedNamespaces", json!(names));
    }
    put("NumContainers", json!(members.len()));
    if !members.is_empty() {
        put("Containers", json!(containers(&members)));
    }
    if let Some(policy) = infra
        .map(|infra| &infra.restart.policy)
        .filter(|policy| !policy.is_empty())
    {
        put("RestartPolicy", json!(policy));
    }
    if let Some(infra) = infra {
        inherited(infra, &mut all);
    }
    limits(pod, &mut all);
    Ok(all.into())
}

fn infra_config(infra: &Container) -> Value {
    let network = &infra.network;
    let or_null = |list: &[String]| {
        if list.is_empty() {
            Value::Null
        } else {
            json!(list)
        }
    };
    // With several networks, addresses are told of each by `inspect` of the infra container.
    let fixed = match &network.names[..] {
        [name] => network.endpoints.get(name),
        _ => None,
    };
    json!({
        "PortBindings": port::bindings(&network.publish),
        "HostNetwork": infra.namespaces.net == Namespace::Host,
        "StaticIP": fixed.and_then(|place| place.ips.first()).map(ToString::to_string).unwrap_or_default(),
        "StaticMAC": fixed.and_then(|place| place.mac.clone()).unwrap_or_default(),
        "NoManageResolvConf": false,
        "DNSServer": or_null(&network.dns),
        "DNSSearch": or_null(&network.dns_search),
        "DNSOption": or_null(&network.dns_options),
        "NoManageHostname": infra.no_hostname,
        "NoManageHosts": network.no_hosts,
        "HostAdd": or_null(&network.add_hosts),
        "HostsFile": network.hosts_file,
        "Networks": or_null(&network.names),
        "NetworkOptions": network.user_mode.as_ref().map(|mode| json!({ &mode.program: mode.options })),
        "pid_ns": container::mode(&infra.namespaces.pid),
        "userns": "host",
        "uts_ns": container::mode(&infra.namespaces.uts),
    })
}

fn containers(members: &[Member]) -> Vec<Value> {
    let mut all: Vec<_> = members.iter().collect();
    all.sort_by(|a, b| a.container.id.cmp(&b.container.id));
    all.iter()
        .map(|member| {
            json!({
                "Id": member.container.id,
                "Name": member.container.name,
                "State": member.status.word(),
            })
        })
        .collect()
}

/// What the pod's containers have from it.
fn inherited(infra: &Container, all: &mut Map<String, Value>) {
    let devices: Vec<_> = infra
        .devices
        .iter()
        .map(|text| {
            let mut parts = text.split(':');
            let host = parts.next().unwrap_or_default();
            let inside = parts.next().filter(|part| part.starts_with('/'));
            json!({ "PathOnHost": host, "PathInContainer": inside.unwrap_or(host), "CgroupPermissions": "" })
        })
        .collect();
    let lists = [
        ("mounts", container::mounts(infra)),
        ("devices", devices),
        (
            "security_opt",
            container::security_options(infra)
                .into_iter()
                .map(Value::from)
                .collect(),
        ),
    ];
    for (key, list) in lists {
        if !list.is_empty() {
            all.insert(key.to_owned(), list.into());
        }
    }
}

/// Only what was asked for is told, as in podman.
fn limits(pod: &Pod, all: &mut Map<String, Value>) {
    let asked = &pod.resources;
    let io = &asked.block_io;
    let per_device = |list: &[(String, u64)], key: &str| {
        let told: Vec<_> = list
            .iter()
            .map(|(path, value)| json!({ "Path": path, key: value }))
            .collect();
        (!told.is_empty()).then(|| Value::from(told))
    };
    let both = asked.memory.map(|memory| memory.saturating_mul(2));
    let all_limits = [
        ("blkio_weight", io.weight.map(Value::from)),
        (
            "blkio_weight_device",
            per_device(&io.weight_device, "Weight"),
        ),
        ("device_read_bps", per_device(&io.read_bps, "Rate")),
        ("device_write_bps", per_device(&io.write_bps, "Rate")),
        ("cpu_period", asked.cpu_period.map(Value::from)),
        ("cpu_quota", asked.cpu_quota.map(Value::from)),
        ("cpu_shares", asked.cpu_shares.map(Value::from)),
        ("cpuset_cpus", asked.cpuset_cpus.clone().map(Value::from)),
        ("cpuset_mems", asked.cpuset_mems.clone().map(Value::from)),
        ("memory_limit", asked.memory.map(Value::from)),
        ("memory_swap", asked.memory_swap.or(both).map(Value::from)),
    ];
    for (key, value) in all_limits {
        if let Some(value) = value {
            all.insert(key.to_owned(), value);
        }
    }
}
