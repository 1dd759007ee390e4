//! Containers pass from one OCI runtime to another: podman-system-migrate(1), "--new-runtime".

use std::path::{Path, absolute};

use anyhow::{Context as _, Result, bail};

use super::record::Container;
use super::remove::cleanup;
use crate::engine::Context;
use crate::store::record::Durability;

/// The container is the new runtime's from its next start on. It has ended, and the old one forgets it first.
pub fn to_runtime(ctx: &Context, container: &Container, runtime: &Path) -> Result<()> {
    let runtime = absolute(runtime).with_context(|| format!("finding {}", runtime.display()))?;
    cleanup(ctx, &container.id, false)?;
    let _lock = container.lock(ctx)?;
    let mut container = super::load(ctx, &container.id)?;
    if ctx.store.status(&container.id)?.is_active() {
        bail!("container {} was started meanwhile", container.id);
    }
    container.runtime = Some(runtime);
    container.save(ctx, Durability::Disk)
}
