//! Places for mounts that another program makes.

use std::path::Path;

use anyhow::{Context, Result};
use nix::fcntl::ResolveFlag;

use super::mounts::Plan;
use super::rootfs::{Kind, Rootfs};
use crate::spec::Spec;

/// Make the places of mounts in a root file system that is not entered: of
/// those that are not made in another mount.
///
/// # Errors
/// One cannot be made, or a bind mount's source is not there.
pub(crate) fn make_places(spec: &Spec, bundle: &Path, rootfs: &Path) -> Result<()> {
    let root = Rootfs::at(rootfs)?;
    let in_another = |path: &Path| {
        let mut others = spec.mounts.iter().map(|mount| mount.destination.as_path());
        others.any(|other| other != path && other != Path::new("/") && path.starts_with(other))
    };
    for (index, entry) in spec.mounts.iter().enumerate() {
        let plan = Plan::new(index, entry, bundle, rootfs, None)?;
        if in_another(&entry.destination) {
            continue;
        }
        let is_file = plan.options.bind.is_some()
            && std::fs::metadata(&plan.source)
                .with_context(|| format!("mounts[{index}]: {}", plan.source.display()))?
                .is_file();
        let kind = if is_file { Kind::File } else { Kind::Directory };
        root.open_or_make(&plan.destination, kind, ResolveFlag::empty())?;
    }
    Ok(())
}
