//! The infra container: its one process does nothing but live, and its namespaces are the pod's.

use anyhow::{Context as _, Result};

use crate::engine::Context;
use crate::engine::container::record::Container;

/// Gives the container an empty root file system with nothing but the pause program in it. No image is needed.
pub(super) fn without_image(ctx: &Context, infra: &mut Container) -> Result<()> {
    let pause = ctx.pause()?;
    let pause = pause
        .canonicalize()
        .with_context(|| format!("looking for {}", pause.display()))?;
    let name = pause.file_name().unwrap_or_default().to_string_lossy();
    if infra.process.entrypoint.is_empty() {
        // Both rpause and catatonit take -P: hold the namespaces, start nothing.
        infra.process.entrypoint = vec![format!("/{name}"), "-P".to_owned()];
    }
    infra.stop_signal = libc::SIGTERM;
    infra.read_only = true;
    infra.pause = Some(pause);
    Ok(())
}
