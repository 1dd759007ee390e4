//! The infra container: its one process does nothing but live, and its namespaces are the pod's.

use anyhow::{Context as _, Result};

use crate::engine::Context;
use crate::engine::container::create as container;
use crate::engine::container::record::Container;

/// Makes the container of an image, if the person names one or containers.conf does. The images have to be held.
pub fn from_image(
    ctx: &Context,
    infra: &mut Container,
    name: Option<&str>,
    command: Option<Vec<String>>,
) -> Result<()> {
    let engine = &ctx.config.containers_conf.engine;
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let Some(name) = name.map(str::to_owned).or(given(&engine.infra_image)) else {
        return Ok(());
    };
    let words = |text: String| text.split_whitespace().map(str::to_owned).collect();
    let command = command.or(given(&engine.infra_command).map(words));
    let image = container::image(ctx, &name)?;
    container::apply_image(ctx, infra, &name, &image, command)?;
    Ok(())
}

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
