//! Sources of bind mounts: who copies them, and when.
//!
//! Most are copied by the container's process. One whose ids are mapped, or
//! that a container with a user namespace could not reach, is copied before the
//! birth, with the runtime's powers. And one that lies in the root file system
//! may be mounted only on the way: then the process asks its parent, which
//! sends a helper into the mount namespace.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use anyhow::{Context, Error, Result, anyhow, ensure};
use nix::errno::Errno;

use super::channel::{Channel, Message};
use super::mounts::Plan;
use super::options::tree_propagation;
use super::rootfs::host;
use super::{helper, ids};
use crate::kernel::mount::{Attributes, clone_tree, map_ids, set_attributes};
use crate::spec::{IdMapping, NamespaceKind, Spec};

/// Who copies the source of a bind mount.
#[derive(Debug)]
pub(super) enum Source {
    /// The container's process, when it gets there.
    OfChild,
    /// Copied before its birth: its user namespace has not the powers.
    Open(OwnedFd),
    /// As that, but what is below the root file system may be mounted only by then: the parent
    /// copies it when it is asked.
    OfParent,
}

impl Plan<'_> {
    pub(super) fn maps_ids(&self) -> bool {
        self.options.map_ids.is_some() || !self.entry.uid_mappings.is_empty()
    }

    /// The source, by whoever copies it.
    pub(super) fn take_source(&mut self, channel: &Channel) -> Result<OwnedFd> {
        match std::mem::replace(&mut self.opened, Source::OfChild) {
            Source::Open(tree) => Ok(tree),
            Source::OfChild => self.copy_source(),
            Source::OfParent => helper::ask(&Message::OpenSource(self.index), channel),
        }
    }

    /// Copy the source in the host's mount namespace. The copy would be the
    /// peer of a shared mount there, and what is mounted on it in the container
    /// would be mounted on the host, too: it follows the host's from now on, as
    /// what is copied in the container's namespace does.
    pub(super) fn open_on_host(&self, spec: &Spec) -> Result<OwnedFd> {
        let tree = self.open_source(spec)?;
        let propagation = match spec.linux.rootfs_propagation.as_deref() {
            // A mount namespace of another user's follows, whatever is asked.
            Some(name) if !name.is_empty() && !spec.linux.has_user_namespace() => {
                tree_propagation(name)?.0
            }
            _ => libc::MS_SLAVE,
        };
        if propagation != libc::MS_SHARED {
            let change = Attributes {
                propagation,
                ..Attributes::default()
            };
            set_attributes(tree.as_fd(), true, change)
                .context("keep mounts in the container from the host")?;
        }
        Ok(tree)
    }

    /// Copy the source's mount, its ids mapped if that is wanted.
    fn open_source(&self, spec: &Spec) -> Result<OwnedFd> {
        let tree = self.copy_source()?;
        if self.maps_ids() {
            let namespace = self.id_namespace(spec)?;
            let recursive = self.options.map_ids == Some(true);
            map_ids(tree.as_fd(), recursive, namespace.as_fd()).map_err(|errno| {
                let why = match errno {
                    Errno::EPERM => {
                        "only the owner of a file system may map its ids; others change the files' owners, as volumes with U in place of idmap do"
                    }
                    _ => "does the file system support idmapped mounts?",
                };
                Error::new(errno).context(format!("mount_setattr MOUNT_ATTR_IDMAP ({why})"))
            })?;
        }
        Ok(tree)
    }

    /// A user namespace that maps as the mount does, or else the container.
    fn id_namespace(&self, spec: &Spec) -> Result<OwnedFd> {
        let choose = |own: &'_ [IdMapping], container: &'_ [IdMapping]| -> Vec<IdMapping> {
            match own.is_empty() {
                true => container.to_vec(),
                false => own.to_vec(),
            }
        };
        let uids = choose(&self.entry.uid_mappings, &spec.linux.uid_mappings);
        let gids = choose(&self.entry.gid_mappings, &spec.linux.gid_mappings);
        let joined = spec.linux.namespace(NamespaceKind::User);
        match joined.and_then(|joined| joined.path.as_ref()) {
            Some(path) if uids.is_empty() => File::open(path)
                .map(OwnedFd::from)
                .with_context(|| format!("open the user namespace {}", path.display())),
            _ => {
                ensure!(
                    !uids.is_empty(),
                    "idmap needs uidMappings and gidMappings, of the mount or of linux"
                );
                ids::namespace_with(&uids, &gids)
            }
        }
    }

    fn copy_source(&self) -> Result<OwnedFd> {
        clone_tree(host(), &self.source, self.options.bind == Some(true))
            .with_context(|| format!("bind source {}", self.source.display()))
    }
}

/// For the helper: the source of a mount, in the container's mount namespace.
///
/// # Errors
/// It cannot be copied, or there is no such mount.
pub(super) fn open_inside(spec: &Spec, bundle: &Path, index: usize) -> Result<OwnedFd> {
    let entry = spec
        .mounts
        .get(index)
        .ok_or_else(|| anyhow!("mounts[{index}] is not there"))?;
    Plan::new(index, entry, bundle, bundle, None)?.open_source(spec)
}
