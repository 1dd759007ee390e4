//! A container joins a pod: what it has from the pod, and what it can no longer have by itself.

use anyhow::{Context as _, Result, bail};

use super::create::SHM_SIZE;
use super::record::{Pod, Shared};
use super::{find, load};
use crate::engine::Context;
use crate::engine::container::record::{Container, Namespace};
use crate::engine::user_namespace::UserNamespace;
use crate::engine::user_namespace::mode::of_container;
use crate::store::{Lock, Noun, record as file};

/// A pod that stays while a container is made in it.
#[derive(Debug)]
pub struct Joining {
    pub pod: Pod,
    infra: Option<Container>,
    _lock: Lock,
}

/// Finds a pod by name, id or id prefix and holds off its removal.
pub fn join(ctx: &Context, text: &str) -> Result<Joining> {
    let id = find(ctx, text)?.id;
    let lock = Lock::shared(&ctx.store.home(Noun::Pod, &id))?;
    // Whoever held the lock may have removed it.
    let pod = load(ctx, &id).with_context(|| format!("pod {text} was just removed"))?;
    let infra = match &pod.infra {
        Some(infra) => {
            let record = ctx.store.record(Noun::Container, infra);
            let found = file::load_if_there(&record)?;
            Some(found.with_context(|| {
                format!(
                    "pod {}: its infra container {infra} is missing: remove the pod",
                    pod.name
                )
            })?)
        }
        None => None,
    };
    Ok(Joining {
        pod,
        infra,
        _lock: lock,
    })
}

impl Joining {
    /// The pod's namespace of this kind, for containers that ask for no other. None if the pod does not share it.
    pub fn namespace(&self, kind: Shared) -> Option<Namespace> {
        let infra = self.infra.as_ref()?;
        self.pod.share.contains(&kind).then(|| of(infra, kind))
    }

    /// The infra container's namespace, asked for by name (`--pid pod`).
    pub fn infra_namespace(&self, kind: Shared) -> Result<Namespace> {
        let infra = self.infra.as_ref().context(
            "cannot use pod namespace as container is not joining a pod or pod has no infra container: invalid argument",
        )?;
        Ok(of(infra, kind))
    }

    /// Puts a container whose namespaces are decided into the pod.
    pub fn admit(&self, ctx: &Context, container: &mut Container) -> Result<()> {
        container.pod = Some(self.pod.id.clone());
        if container.resources.cgroup_parent.is_none() {
            container.resources.cgroup_parent = self.pod.cgroup(ctx);
        }
        let Some(infra) = &self.infra else {
            return Ok(());
        };
        if container.namespaces.ipc == Namespace::Host && infra.shm_size != SHM_SIZE {
            bail!("cannot set shmsize when running in the host IPC Namespace");
        }
        inherit(infra, container);
        if infra.user_namespace != UserNamespace::Host {
            container.user_namespace = of_container(infra);
            if container.process.user.is_empty() {
                container.process.user.clone_from(&infra.process.user);
            }
        }
        let of_infra = Namespace::Container(infra.id.clone());
        if container.namespaces.uts == of_infra {
            if container.hostname.is_some() {
                bail!(
                    "invalid config provided: cannot set hostname when joining the pod UTS namespace: invalid configuration"
                );
            }
            container.hostname = infra.hostname.clone();
            container.no_hostname |= infra.no_hostname;
        }
        if container.namespaces.net == of_infra {
            refuse_network(container)?;
        }
        Ok(())
    }
}

/// What the pod was created with and the container did not ask for otherwise.
fn inherit(infra: &Container, container: &mut Container) {
    for mount in &infra.mounts {
        if !container
            .mounts
            .iter()
            .any(|own| own.destination == mount.destination)
        {
            container.mounts.push(mount.clone());
        }
    }
    for device in &infra.devices {
        if !container.devices.contains(device) {
            container.devices.push(device.clone());
        }
    }
    for gpu in &infra.gpus {
        if !container.gpus.contains(gpu) {
            container.gpus.push(gpu.clone());
        }
    }
    if container.shm_size_systemd.is_none() {
        container.shm_size_systemd = infra.shm_size_systemd;
    }
    if container.restart.policy.is_empty() && !container.remove {
        container.restart = infra.restart.clone();
    }
    let (from, to) = (&infra.security, &mut container.security);
    to.no_new_privileges |= from.no_new_privileges;
    for (own, pods) in [
        (&mut to.seccomp, &from.seccomp),
        (&mut to.apparmor, &from.apparmor),
    ] {
        if own.is_none() {
            own.clone_from(pods);
        }
    }
    for (own, pods) in [
        (&mut to.mask, &from.mask),
        (&mut to.unmask, &from.unmask),
        (&mut to.proc_opts, &from.proc_opts),
    ] {
        if own.is_empty() {
            own.clone_from(pods);
        }
    }
}

fn of(infra: &Container, kind: Shared) -> Namespace {
    let own = &infra.namespaces;
    let held = match kind {
        Shared::Cgroup => &own.cgroup,
        Shared::Ipc => &own.ipc,
        Shared::Net => &own.net,
        Shared::Pid => &own.pid,
        Shared::Uts => &own.uts,
    };
    match held {
        Namespace::Host => Namespace::Host,
        _ => Namespace::Container(infra.id.clone()),
    }
}

/// The network is the pod's, so it is the pod that is asked for ports and hosts.
fn refuse_network(container: &Container) -> Result<()> {
    let network = &container.network;
    let refused = if !network.publish.is_empty() {
        "published or exposed ports must be defined when the pod is created"
    } else if !network.add_hosts.is_empty() {
        "extra host entries must be specified on the pod"
    } else if !network.dns.is_empty()
        || !network.dns_search.is_empty()
        || !network.dns_options.is_empty()
    {
        "name servers must be specified on the pod"
    } else {
        return Ok(());
    };
    bail!(
        "invalid config provided: {refused}: network cannot be configured when it is shared with a pod"
    )
}
