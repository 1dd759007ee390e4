//! Images of schema 1, which nobody makes any more and some registries still have.

use std::fs;

use serde_json::Value;
use tests::{Cmd, Context as _, Result, Stack, ensure};

use crate::formats::skopeo;

pub(crate) fn schema_1_is_what_skopeo_makes_of_it() -> Result<()> {
    let stack = Stack::new()?;
    let from = stack.remote("fedora:24");
    let (ours, theirs) = (stack.remote("old/ours:v1"), stack.remote("old/theirs:v1"));
    stack
        .rskopeo(&format!("copy --format v2s1 {from} {ours}"))
        .ok()?;
    skopeo(&stack, &format!("copy --format v2s1 {from} {theirs}"))?.ok()?;
    let mut written: Vec<Value> = Vec::new();
    for image in [&ours, &theirs] {
        let mut raw = skopeo(&stack, &format!("inspect --raw {image}"))?
            .ok()?
            .json()?;
        let fields = raw.as_object_mut().context("an object")?;
        ensure!(fields.remove("signatures").is_some(), "it is not signed");
        fields.remove("name");
        written.push(raw);
    }
    ensure!(written[0] == written[1], "{} {}", written[0], written[1]);
    for image in [&ours, &theirs] {
        let said = |program: Cmd| -> Result<Value> {
            let mut said = program.ok()?.json()?;
            // Newer than the installed one.
            said.as_object_mut()
                .context("an object")?
                .remove("LayersData");
            Ok(said)
        };
        let (a, b) = (
            said(stack.rskopeo(&format!("inspect {image}")))?,
            said(skopeo(&stack, &format!("inspect {image}"))?)?,
        );
        ensure!(a == b, "{a} in place of {b}");
        ensure!(a["Tag"] == "v1", "{a}");
    }
    // And back: sizes and diffIDs come from reading the layers.
    for format in ["v2s2", "oci"] {
        let line = |to: &str| format!("copy --format {format} {theirs} dir:{format}-{to}");
        stack.rskopeo(&line("ours")).ok()?;
        skopeo(&stack, &line("theirs"))?.ok()?;
        let manifest =
            |to: &str| fs::read(stack.scratch.path(format!("{format}-{to}/manifest.json")));
        ensure!(manifest("ours")? == manifest("theirs")?, "{format} differs");
    }
    Ok(())
}

pub(crate) fn schema_1_is_read_unpacked_and_renamed() -> Result<()> {
    let stack = Stack::new()?;
    let old = stack.remote("old/fedora:v1");
    let from = stack.remote("fedora:24");
    stack
        .rskopeo(&format!("copy --format v2s1 {from} {old}"))
        .ok()?;
    let digest = |image: &str| -> Result<String> {
        let said = stack.rskopeo(&format!("inspect --no-tags {image}")).ok()?;
        Ok(said.json()?["Digest"].to_string())
    };
    // A directory has no name: the bytes stay, and with them what is signed.
    stack.rskopeo(&format!("copy {old} dir:kept")).ok()?;
    ensure!(
        digest("dir:kept")? == digest(&old)?,
        "it changed on the way"
    );
    let computed = stack.rskopeo("manifest-digest kept/manifest.json").ok()?;
    ensure!(digest(&old)?.contains(computed.text()), "{computed}");
    // A registry has names, and the manifest repeats them.
    let new = stack.remote("new/fedora:v2");
    stack.rskopeo(&format!("copy dir:kept {new}")).ok()?;
    let raw = stack
        .rskopeo(&format!("inspect --raw {new}"))
        .ok()?
        .json()?;
    ensure!(raw["name"] == "new/fedora" && raw["tag"] == "v2", "{raw}");
    stack
        .rskopeo(&format!("copy --preserve-digests dir:kept {new}"))
        .exits(1)?
        .complains("Instructed to preserve digests")?;
    stack.rskopeo(&format!("unpack {old} bundle")).ok()?;
    let text = fs::read_to_string(stack.scratch.path("bundle/rootfs/opt/data/new"))?;
    ensure!(text == "new\n", "{text}");
    Ok(())
}
