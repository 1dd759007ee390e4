//! A pod like another, with containers like its containers: podman-pod-clone(1).

use anyhow::Result;

use super::join::join;
use super::record::Pod;
use super::{create as pod, members, remove};
use crate::engine::container::create as container;
use crate::engine::container::record::{Container, Namespace};
use crate::engine::user_namespace::UserNamespace;
use crate::engine::{Context, volume};
use crate::store::Noun;
use crate::store::names::LookupError;

/// The records of a new pod and its infra container, to be changed before [`create`] makes them.
pub fn copy(ctx: &Context, old: &Pod, name: Option<String>) -> Result<(Pod, Option<Container>)> {
    let pod = Pod {
        id: String::new(),
        name: name.map_or_else(|| free_name(ctx, &old.name), Ok)?,
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
        name: free_name(ctx, &old.name)?,
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
            name: free_name(ctx, &member.name)?,
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

/// A volume that was made for the one container alone is none of its copy's, which gets its own.
fn renew_volumes(ctx: &Context, copy: &mut Container) -> Result<()> {
    for mount in &mut copy.mounts {
        if let Some(name) = &mut mount.volume
            && volume::get(ctx, name)?.anonymous
        {
            name.clear();
        }
    }
    Ok(())
}

/// `NAME-clone`, `NAME-clone1`, …: the first that nobody has.
fn free_name(ctx: &Context, old: &str) -> Result<String> {
    for number in 0u32.. {
        let name = match number {
            0 => format!("{old}-clone"),
            number => format!("{old}-clone{number}"),
        };
        let is_free = |noun| match ctx.store.find(noun, &name) {
            Ok(_) => Ok(false),
            Err(error) if error.is::<LookupError>() => Ok(true),
            Err(error) => Err(error),
        };
        if is_free(Noun::Container)? && is_free(Noun::Pod)? {
            return Ok(name);
        }
    }
    unreachable!("names do not run out")
}
