//! What a container stands in when it starts: its users, the namespaces of others, its networks, its shared memory.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::record::{Container, IpcSharing, Namespace, Security};
use super::status::{Status, is_alive};
use super::{load, overlay};
use crate::bundle::{Joined, files};
use crate::engine::network::connection;
use crate::engine::user_namespace::{UserNamespace, namespace};
use crate::engine::{Context, selinux};

/// The container's own users, before anything is made for them.
pub(super) fn user_namespace(ctx: &Context, container: &Container) -> Result<()> {
    match &container.user_namespace {
        UserNamespace::Own(maps) => {
            let path = namespace::path(ctx, &container.id);
            namespace::remove(&path)?;
            namespace::make(&path, maps)
        }
        UserNamespace::Path(path, maps) if namespace::maps(path)? != *maps => bail!(
            "the user namespace {} has other ids than when container {} was made: make the container anew",
            path.display(),
            container.id
        ),
        _ => Ok(()),
    }
}

pub(super) fn joined(ctx: &Context, container: &Container) -> Result<Joined> {
    let mut joined = Joined::default();
    for owner in container.namespaces.owners() {
        // Its monitor may still be at work when its process is gone.
        let started = match ctx.store.status(owner)? {
            Status::Running(started) if is_alive(&started) => started,
            _ => bail!(
                "container {owner} is not running, so its namespaces cannot be joined: container state improper"
            ),
        };
        joined.pids.insert(owner.to_owned(), started.pid);
    }
    joined.user = namespace::of(ctx, container);
    Ok(joined)
}

/// Its networks, if it has any of its own.
pub(super) fn connect(
    ctx: &Context,
    container: &Container,
    joined: &mut Joined,
) -> Result<files::Addresses> {
    if !connection::is_wanted(container) {
        let localhost = std::net::Ipv4Addr::LOCALHOST.into();
        return Ok(files::Addresses {
            host: match container.namespaces.net {
                Namespace::Host => connection::host(ctx, || Ok(Some(localhost)))?,
                _ => None,
            },
            ..files::Addresses::default()
        });
    }
    let connection;
    (connection, joined.ports) = connection::up(ctx, container)?;
    joined.netns = Some(connection::netns(ctx, &container.id));
    connection.told(ctx)
}

/// Containers of one IPC namespace see one /dev/shm.
pub(super) fn shm(ctx: &Context, container: &Container) -> Result<Option<PathBuf>> {
    Ok(match &container.namespaces.ipc {
        Namespace::Host => Some("/dev/shm".into()),
        Namespace::Container(id) => match load(ctx, id)? {
            // What it has of the host's or of another's is not in its own directory.
            owner
                if matches!(
                    owner.namespaces.ipc,
                    Namespace::Host | Namespace::Container(_)
                ) =>
            {
                shm(ctx, &owner)?
            }
            owner => Some(owner.run_dir(ctx).join("shm")),
        },
        Namespace::Private | Namespace::Path(_) => {
            let shm = own_shm(container, &container.run_dir(ctx));
            if let Some(shm) = &shm {
                overlay::mount_shm(shm, container.shm_size, &shm_label(&container.security))?;
            }
            shm
        }
    })
}

/// All files of the mount have the label; where the container labels by itself, those that nobody has labeled otherwise.
fn shm_label(security: &Security) -> String {
    let option = if security.label_nested {
        "rootcontext"
    } else {
        "context"
    };
    selinux::mount_option(option, security.mount_label.as_deref())
}

/// The directory that is its /dev/shm, where it has one of its own.
pub(super) fn own_shm(container: &Container, run: &Path) -> Option<PathBuf> {
    let namespaces = &container.namespaces;
    match namespaces.ipc {
        Namespace::Host | Namespace::Container(_) => None,
        _ if namespaces.ipc_sharing == IpcSharing::None => None,
        Namespace::Private | Namespace::Path(_) => Some(run.join("shm")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_ipc_there_is_no_shm() {
        let mut container = Container::default();
        let run = Path::new("/run/c");
        assert_eq!(own_shm(&container, run), Some("/run/c/shm".into()));
        container.namespaces.ipc_sharing = IpcSharing::None;
        assert_eq!(own_shm(&container, run), None);
        container.namespaces.ipc_sharing = IpcSharing::Shareable;
        container.namespaces.ipc = Namespace::Host;
        assert_eq!(own_shm(&container, run), None);
    }
}
