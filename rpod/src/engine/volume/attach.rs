//! Volumes and containers come together: named ones are made when a container asks for them, anonymous ones for it alone.

use anyhow::{Context as _, Result};

use super::create::{create_locked, ensure};
use super::{Volume, VolumeError, archive, fill, get, mount, own, remove};
use crate::engine::container::record::{Container, Mount};
use crate::engine::user_namespace::mount_map;
use crate::engine::{Context, selinux};

impl Container {
    /// The names of the volumes that it uses.
    pub fn volumes(&self) -> impl Iterator<Item = &str> {
        self.mounts
            .iter()
            .filter_map(|mount| mount.volume.as_deref())
    }
}

/// Makes the volumes that the container asks for and that are not there. The caller holds [`super::lock_shared`] until the
/// container's record is written.
pub fn attach(ctx: &Context, container: &mut Container) -> Result<()> {
    for path in container.image.volumes.clone() {
        let is_covered = container
            .mounts
            .iter()
            .any(|mount| mount.destination.trim_end_matches('/') == path.trim_end_matches('/'));
        if !is_covered {
            container.mounts.push(Mount::anonymous(&path));
        }
    }
    for mount in &mut container.mounts {
        let options = std::mem::take(&mut mount.volume_options);
        let Some(name) = &mut mount.volume else {
            continue;
        };
        let volume = match name.as_str() {
            "" => create_locked(
                ctx,
                Volume {
                    anonymous: true,
                    options,
                    ..Volume::default()
                },
            )?,
            name if mount.no_create => get(ctx, name).with_context(|| {
                format!("volume {name} does not exist and nocreate option is set")
            })?,
            name => ensure(ctx, name, options)?,
        };
        *name = volume.name.clone();
        mount.source = volume.data(ctx).to_string_lossy().into_owned();
    }
    Ok(())
}

impl Mount {
    /// The container sees the ids of the disk as its own.
    pub fn is_idmapped(&self) -> bool {
        let mut options = self.options.iter();
        options.any(|option| mount_map::is_asked_by(option))
    }

    /// A volume that is made for the container.
    pub fn anonymous(destination: &str) -> Mount {
        Mount {
            kind: "bind".to_owned(),
            destination: destination.to_owned(),
            options: vec!["nosuid".to_owned(), "nodev".to_owned(), "rbind".to_owned()],
            volume: Some(String::new()),
            ..Mount::default()
        }
    }
}

/// Before a container starts: what its volumes stand on is mounted, and the first user fills them.
pub fn prepare(ctx: &Context, container: &Container) -> Result<()> {
    for asked in &container.mounts {
        if let Some(name) = &asked.volume {
            let volume = get(ctx, name)?;
            archive::tell_if_incomplete(ctx, &volume)?;
            mount::up(ctx, &volume).with_context(|| {
                format!("mounting volume {name} for container {}", container.id)
            })?;
            if volume.needs_copy_up {
                fill::first_use(ctx, container, asked)?;
            }
        }
        relabel(container, asked)?;
        if asked.options.iter().any(|option| option == "U") {
            own::give(ctx, container, asked)?;
        }
    }
    Ok(())
}

/// `Z`: what is mounted is labeled as the container's files are; `z`: so that every container may have it.
fn relabel(container: &Container, mount: &Mount) -> Result<()> {
    let Some(label) = &container.security.mount_label else {
        return Ok(());
    };
    let asks_for = |wanted: &str| mount.options.iter().any(|option| option == wanted);
    if asks_for("Z") {
        selinux::relabel(&mount.source, label)
    } else if asks_for("z") {
        selinux::relabel(&mount.source, &selinux::shared(label)?)
    } else {
        Ok(())
    }
}

/// After it has ended.
pub fn release(ctx: &Context, container: &Container) -> Result<()> {
    for name in container.volumes() {
        match get(ctx, name) {
            Ok(volume) => mount::down_if_unused(ctx, &volume, Some(&container.id))?,
            Err(error) if error.is::<VolumeError>() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The container is no more: the volumes that were made for it alone go, too.
pub fn remove_anonymous(ctx: &Context, container: &Container) -> Result<()> {
    for name in container.volumes().filter(|name| !name.is_empty()) {
        match get(ctx, name) {
            Ok(volume) if volume.anonymous => match remove::remove(ctx, &volume, false, None) {
                // Another container took it over by --volumes-from.
                Err(error) if matches!(error.downcast_ref(), Some(VolumeError::InUse { .. })) => {}
                result => result?,
            },
            Err(error) if !error.is::<VolumeError>() => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
