//! A pod like another, with containers like its containers: podman-pod-clone(1).

use anyhow::Result;

use super::join::join;
use super::record::Pod;
use super::{create as pod, members, remove};
use crate::engine::Context;
use crate::engine::container::clone::renew_volumes;
use crate::engine::container::create as container;
use crate::engine::container::record::{Container, Namespace};
use crate::engine::user_namespace::UserNamespace;

/// The records of a new pod and its infra container, to be changed before [`create`] makes them.
pub fn copy(ctx: &Context, old: &Pod, name: Option<String>) -> Result<(Pod, Option<Container>)> {
    let pod = Pod {
        id: String::new(),
        name: name.map_or_else(|| ctx.store.clone_name(&old.name), Ok)?,
        infra: None,
        create_command: std::env::args().collect(),
        ..old.clone()
    };
    let infra = members(ctx, old)?.into_iter().find(|member| member.infra);
    let infra = infra.map(|old| copied_infra(ctx, old)).transpose()?;
    Ok((pod, infra))
}

fn copied_infra(ctx: &Context, old: Container) -> Result<Container> {
    let mut infra = Container {
        id: String::new(),
        name: ctx.store.clone_name(&old.name)?,
        pod: None,
        ..old
    };
    // The program that is found now may have another name.
    if infra.pause.take().is_some()
        && infra
            .process
            .entrypoint
            .last()
            .is_some_and(|word| word == "-P")
    {
        infra.process.entrypoint.clear();
    }
    Ok(infra)
}

/// Makes the pod and its containers, or nothing.
pub fn create(ctx: &Context, old: &Pod, new: Pod, infra: Option<Container>) -> Result<Pod> {
    let _images = container::lock_images(ctx)?;
    let new = pod::create(ctx, new, infra)?;
    if let Err(error) = fill(ctx, old, &new) {
        remove::remove(ctx, &new, true, Some(0))?;
        return Err(error);
    }
    Ok(new)
}

fn fill(ctx: &Context, old: &Pod, new: &Pod) -> Result<()> {
    let joining = join(ctx, &new.id)?;
    // Which container of the new pod stands for which of the old.
    let mut pairs = Vec::new();
    pairs.extend(old.infra.clone().zip(new.infra.clone()));
    let members = members(ctx, old)?;
    let infra = members.iter().find(|member| member.infra).cloned();
    for member in members.into_iter().filter(|member| !member.infra) {
        let mut copy = Container {
            id: String::new(),
            name: ctx.store.clone_name(&member.name)?,
            create_command: std::env::args().collect(),
            ..member.clone()
        };
        if copy.resources.cgroup_parent == old.cgroup(ctx) {
            copy.resources.cgroup_parent = None;
        }
        if infra
            .as_ref()
            .is_some_and(|infra| copy.hostname == infra.hostname)
        {
            copy.hostname = None;
        }
        repoint(&mut copy, &pairs);
        renew_volumes(ctx, &mut copy)?;
        joining.admit(ctx, &mut copy)?;
        pairs.push((member.id, container::create(ctx, copy)?.id));
    }
    Ok(())
}

/// What belongs to a container of the old pod belongs to its copy.
fn repoint(copy: &mut Container, pairs: &[(String, String)]) {
    let new_of = |id: &String| {
        let pair = pairs.iter().find(|(old, _)| old == id);
        pair.map_or_else(|| id.clone(), |(_, new)| new.clone())
    };
    let own = &mut copy.namespaces;
    for namespace in [
        &mut own.pid,
        &mut own.ipc,
        &mut own.uts,
        &mut own.net,
        &mut own.cgroup,
    ] {
        if let Namespace::Container(id) = namespace {
            *id = new_of(id);
        }
    }
    // The pod's users come back when it enters the pod.
    if let UserNamespace::Container(id, _) = &copy.user_namespace
        && new_of(id) != *id
    {
        copy.user_namespace = UserNamespace::Host;
    }
    for id in &mut copy.requires {
        *id = new_of(id);
    }
}
