//! What `pod inspect` tells, in podman's shape.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::record::Pod;
use super::status::{self, Member};
use crate::engine::Context;
use crate::engine::container::inspect as container;
use crate::engine::container::record::{Container, Namespace};

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
    json!({
        "PortBindings": {},
        "HostNetwork": infra.namespaces.net == Namespace::Host,
        "StaticIP": "",
        "StaticMAC": "",
        "NoManageResolvConf": false,
        "DNSServer": or_null(&network.dns),
        "DNSSearch": or_null(&network.dns_search),
        "DNSOption": or_null(&network.dns_options),
        "NoManageHostname": false,
        "NoManageHosts": network.no_hosts,
        "HostAdd": or_null(&network.add_hosts),
        "HostsFile": "",
        "Networks": or_null(&network.names),
        "NetworkOptions": Value::Null,
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

/// Only what was asked for is told, as in podman.
fn limits(pod: &Pod, all: &mut Map<String, Value>) {
    let asked = &pod.resources;
    let all_limits = [
        ("cpu_period", asked.cpu_period.map(Value::from)),
        ("cpu_quota", asked.cpu_quota.map(Value::from)),
        ("cpu_shares", asked.cpu_shares.map(Value::from)),
        ("cpuset_cpus", asked.cpuset_cpus.clone().map(Value::from)),
        ("cpuset_mems", asked.cpuset_mems.clone().map(Value::from)),
        ("memory_limit", asked.memory.map(Value::from)),
        ("memory_swap", asked.memory_swap.map(Value::from)),
    ];
    for (key, value) in all_limits {
        if let Some(value) = value {
            all.insert(key.to_owned(), value);
        }
    }
}
