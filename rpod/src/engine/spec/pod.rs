//! `PodSpecGenerator` of a pod: what is its own, and what its infra container holds for it.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Spec, container, mounts, namespaces};
use crate::bundle;
use crate::engine::Context;
use crate::engine::container::load;
use crate::engine::container::record::Container;
use crate::engine::pod::record::{Pod, Shared};

pub fn of_pod(ctx: &Context, pod: &Pod, name: &str) -> Result<Value> {
    let infra = pod.infra.as_deref().map(|id| load(ctx, id)).transpose()?;
    let mut spec = Spec::default();
    spec.add("name", name);
    spec.add("exit_policy", pod.exit_policy.as_str());
    spec.add("labels", json!(pod.labels));
    spec.add("no_infra", infra.is_none());
    if let Some(infra) = &infra {
        spec.add("infra_name", ctx.store.clone_name(&infra.name)?);
        spec.always("ipcns", namespaces::of(&infra.namespaces.ipc));
    }
    let shared = pod.share.iter().copied().map(Shared::as_str);
    spec.add("shared_namespaces", shared.collect::<Vec<_>>());
    spec.add("share_parent", pod.share_parent);
    spec.add("pod_create_command", pod.create_command.clone());
    if let Some(infra) = &infra {
        of_infra(&mut spec, infra);
    }
    spec.add("cgroup_parent", pod.cgroup_parent.clone());
    // Limits are those of a container that asks for the same; the number of processes is a container's own.
    let like = Container {
        resources: pod.resources.clone(),
        ..Container::default()
    };
    let mut resources = bundle::resources(&like)?;
    if let Some(all) = resources.as_object_mut() {
        all.shift_remove("devices");
        if pod.resources.pids.is_none() {
            all.shift_remove("pids");
        }
    }
    spec.add("resource_limits", resources);
    Ok(spec.0.into())
}

fn of_infra(spec: &mut Spec, infra: &Container) {
    let network = &infra.network;
    spec.add("restart_policy", infra.restart.policy.clone());
    spec.always("pidns", namespaces::of(&infra.namespaces.pid));
    namespaces::add_users(spec, &infra.user_namespace);
    spec.always("utsns", namespaces::of(&infra.namespaces.uts));
    spec.add("pod_devices", infra.devices.clone());
    spec.add("sysctl", json!(infra.security.sysctls));
    namespaces::add_network(spec, infra);
    spec.add("portmappings", container::ports(&network.publish));
    spec.add("dns_server", network.dns.clone());
    spec.add("dns_search", network.dns_search.clone());
    spec.add("dns_option", network.dns_options.clone());
    spec.add("no_manage_hosts", network.no_hosts);
    spec.add("hostadd", network.add_hosts.clone());
    mounts::add(spec, &infra.mounts);
    spec.add("shm_size", infra.shm_size);
}
