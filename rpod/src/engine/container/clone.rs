//! A container like another: podman-container-clone(1).

use anyhow::{Result, bail};

use super::record::{Container, Namespace};
use super::{create, remove};
use crate::engine::image::{self, Image};
use crate::engine::pod::join::join;
use crate::engine::{Context, volume};

/// What is to be otherwise.
#[derive(Debug, Default)]
pub struct Asked {
    pub name: Option<String>,
    /// A newer image of the same command, by its name.
    pub image: Option<Image>,
    pub pod: Option<String>,
    /// The original goes once its copy is there.
    pub destroy: bool,
    pub force: bool,
}

/// Makes the copy after `change` had its say.
pub fn clone(
    ctx: &Context,
    old: &Container,
    asked: &Asked,
    change: impl FnOnce(&mut Container) -> Result<()>,
) -> Result<Container> {
    if old.infra {
        bail!(
            "container {} holds a pod's namespaces: clone the pod",
            old.name
        );
    }
    if asked.destroy && !asked.force && ctx.store.status(&old.id)?.is_active() {
        bail!(
            "container {} is running and cannot be destroyed without --force: container state improper",
            old.id
        );
    }
    let _images = create::lock_images(ctx)?;
    let mut copy = Container {
        id: String::new(),
        name: asked
            .name
            .clone()
            .map_or_else(|| ctx.store.clone_name(&old.name), Ok)?,
        create_command: std::env::args().collect(),
        cidfile: None,
        ..old.clone()
    };
    if let Some(image) = &asked.image {
        image::unpack_missing_layers(ctx, image)?;
        copy.image.id.clone_from(&image.id);
        copy.image.digest.clone_from(&image.digest);
        copy.image.layers.clone_from(&image.layers);
        let name = image.names.first().unwrap_or(&image.id);
        copy.image.name.clone_from(name);
    }
    renew_volumes(ctx, &mut copy)?;
    change(&mut copy)?;
    let joining = asked.pod.as_deref().map(|pod| join(ctx, pod)).transpose()?;
    if let Some(joining) = &joining {
        enter(&mut copy, joining)?;
        joining.admit(ctx, &mut copy)?;
    }
    let copy = create::create(ctx, copy)?;
    if asked.destroy {
        remove::remove(ctx, old, asked.force, None)?;
    }
    Ok(copy)
}

/// What the pod shares takes the place of what it had.
fn enter(copy: &mut Container, joining: &crate::engine::pod::join::Joining) -> Result<()> {
    use crate::engine::pod::record::Shared;
    let own = &mut copy.namespaces;
    for (kind, namespace) in [
        (Shared::Pid, &mut own.pid),
        (Shared::Ipc, &mut own.ipc),
        (Shared::Uts, &mut own.uts),
        (Shared::Net, &mut own.net),
        (Shared::Cgroup, &mut own.cgroup),
    ] {
        if let Some(shared) = joining.namespace(kind) {
            *namespace = shared;
        } else if matches!(namespace, Namespace::Container(_)) {
            *namespace = Namespace::Private;
        }
    }
    give_up_own(copy);
    Ok(())
}

/// What it had of its own, or from another pod, has no meaning where it is a pod's.
pub(super) fn give_up_own(copy: &mut Container) {
    copy.pod = None;
    copy.resources.cgroup_parent = None;
    if copy.namespaces.net != Namespace::Private {
        copy.network = crate::engine::container::record::Network::default();
    }
    if copy.namespaces.uts != Namespace::Private {
        copy.hostname = None;
    }
}

/// A volume that was made for the one container alone is none of its copy's, which gets its own.
pub(in crate::engine) fn renew_volumes(ctx: &Context, copy: &mut Container) -> Result<()> {
    for mount in &mut copy.mounts {
        if let Some(name) = &mut mount.volume
            && volume::get(ctx, name)?.anonymous
        {
            name.clear();
        }
    }
    Ok(())
}
