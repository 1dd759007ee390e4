//! Artifacts between the store and registries: rskopeo moves them.

use std::ffi::OsString;

use anyhow::{Context as _, Result};

use super::{Artifact, find, name};
use crate::engine::copier::{rskopeo, run, run_telling};
use crate::engine::image::{Access, Writing};
use crate::engine::layout::Layout;
use crate::engine::{Context, event};

/// Fetches an artifact by its full name: podman-artifact-pull(1).
pub fn pull(ctx: &Context, text: &str, access: &Access) -> Result<Artifact> {
    let name = name::parse(text)?;
    let layout = Layout::artifacts(&ctx.store);
    let _kept = layout.hold()?;
    let mut command = rskopeo()?;
    command
        .arg("copy")
        .args(access.configured(ctx).options("src"))
        .args(access.decryption())
        .arg(format!("docker://{name}"))
        .arg(place(&layout, &name.to_string()));
    run_telling(command, access.quiet)?;
    let artifact = find(ctx, &name.to_string())?;
    event::artifact(ctx, "pull", &artifact.digest, &artifact.name);
    Ok(artifact)
}

/// Sends an artifact to where its name says: podman-artifact-push(1).
pub fn push(ctx: &Context, artifact: &Artifact, access: &Access, writing: &Writing) -> Result<()> {
    let destination = format!("docker://{}", artifact.name);
    let mut command = rskopeo()?;
    command
        .arg("copy")
        .args(access.configured(ctx).options("dest"))
        .args(writing.options())
        .arg(place(&Layout::artifacts(&ctx.store), &artifact.name))
        .arg(&destination);
    run(command, access.quiet).with_context(|| format!("copying artifact {}", artifact.name))?;
    event::artifact(ctx, "push", &artifact.digest, &artifact.name);
    Ok(())
}

/// `oci:ROOT/artifacts:NAME`
fn place(layout: &Layout, name: &str) -> OsString {
    let mut reference = OsString::from("oci:");
    reference.push(layout.root());
    reference.push(format!(":{name}"));
    reference
}
