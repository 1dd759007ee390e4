//! A pod is made: id, directory, name, infra container, record, in this order.
//!
//! The directory is locked before it has its name, so one without a record that nobody holds was left by a killed process. The
//! next command that makes or removes pods sweeps it ([`super::remove::sweep`]).

use std::fs;

use anyhow::{Context as _, Result, anyhow};

use super::record::Pod;
use super::{infra, remove};
use crate::engine::container::create as container;
use crate::engine::container::record::{Container, Namespace, Namespaces, Resources};
use crate::engine::{Context, cgroup, event};
use crate::store::names::NameInUse;
use crate::store::record::Durability;
use crate::store::{Lock, Noun, id, record};

/// Makes the pod and gives it its id, and a name if it has none. `infra` is its infra container as far as it was asked for.
pub fn create(ctx: &Context, mut pod: Pod, infra: Option<Container>) -> Result<Pod> {
    remove::sweep(ctx)?;
    cgroup::delegation::settle_pod(ctx, &mut pod)?;
    pod.id = id::new()?;
    pod.resources.cgroup_manager = ctx.cgroup_manager().to_owned();
    pod.created = jiff::Timestamp::now().to_string();
    let lock = directory(ctx, &pod.id)?;
    let made = fill(ctx, &mut pod, infra);
    if made.is_err() {
        remove::erase(ctx, &pod.id, &pod.name)?;
    }
    drop(lock);
    made?;
    event::pod(ctx, "create", &pod);
    Ok(pod)
}

/// Makes the pod's directory, locked.
fn directory(ctx: &Context, id: &str) -> Result<Lock> {
    let home = ctx.store.home(Noun::Pod, id);
    let nameless = home.with_file_name(format!(".tmp-{id}"));
    fs::create_dir_all(nameless.join("containers"))
        .with_context(|| format!("making {}", nameless.display()))?;
    let lock = Lock::exclusive(&nameless)?;
    fs::rename(&nameless, &home).with_context(|| format!("making {}", home.display()))?;
    Ok(lock)
}

/// Bytes of an infra container's /dev/shm where nothing else was asked for.
pub(super) const SHM_SIZE: u64 = 65_536_000;

/// What an infra container is before anything is asked of it.
pub fn infra_defaults(ctx: &Context) -> Container {
    let v2 = std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    Container {
        stop_timeout: ctx.config.containers_conf.engine.stop_timeout.unwrap_or(10),
        shm_size: SHM_SIZE,
        // It says nothing.
        log_driver: "k8s-file".into(),
        resources: Resources {
            cgroup_manager: ctx.cgroup_manager().to_owned(),
            ..Resources::default()
        },
        namespaces: Namespaces {
            cgroup: if v2 {
                Namespace::Private
            } else {
                Namespace::Host
            },
            ..Namespaces::default()
        },
        ..Container::default()
    }
}

fn fill(ctx: &Context, pod: &mut Pod, infra: Option<Container>) -> Result<()> {
    if pod.name.is_empty() {
        pod.name = ctx.store.take_any_name(Noun::Pod, &pod.id)?;
    } else {
        ctx.store
            .take_name(Noun::Pod, &pod.name, &pod.id)
            .map_err(in_use)?;
    }
    let Some(mut container) = infra else {
        return record::save(&ctx.store.record(Noun::Pod, &pod.id), pod, Durability::Disk);
    };
    settle(ctx, pod, &mut container)?;
    container.id = id::new()?;
    pod.infra = Some(container.id.clone());
    // Both records go to the disk together; the pod's is shown last.
    let prepared = record::prepare(&ctx.store.record(Noun::Pod, &pod.id), pod)?;
    container::create(ctx, container)?;
    prepared.show()
}

fn in_use(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<NameInUse>() {
        Some(NameInUse { noun, name, .. }) => {
            anyhow!("adding pod to state: name {name:?} is in use: {noun} already exists")
        }
        None => error,
    }
}

/// What the infra container has from its pod.
fn settle(ctx: &Context, pod: &Pod, container: &mut Container) -> Result<()> {
    container.infra = true;
    container.pod = Some(pod.id.clone());
    if container.name.is_empty() {
        container.name = format!("{}-infra", id::short(&pod.id));
    }
    if container.hostname.is_none() {
        container.hostname = Some(pod.name.clone());
    }
    container.resources.cgroup_parent = pod.cgroup(ctx);
    container.create_command = pod.create_command.clone();
    if container.image.id.is_empty() {
        infra::without_image(ctx, container)?;
    }
    Ok(())
}
