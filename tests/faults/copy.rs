//! Copies that are lied to, and copies that are killed.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::Signal;
use tests::image::Image;
use tests::{Context as _, Result, Stack, ensure};

pub(crate) fn a_corrupt_blob_is_refused() -> Result<()> {
    spoiled(|bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    })
}

pub(crate) fn a_truncated_blob_is_refused() -> Result<()> {
    spoiled(|bytes| bytes.truncate(bytes.len() / 2))
}

/// The registry serves other bytes than the digest says, to each kind of destination.
fn spoiled(spoil: impl Fn(&mut Vec<u8>)) -> Result<()> {
    let stack = Stack::new()?;
    let image = Image::alpine()?;
    let layer = image.layers.first().context("a layer")?;
    let mut bytes = layer.bytes.clone();
    spoil(&mut bytes);
    fs::write(stack.registry.blob(&layer.hex).join("data"), bytes)?;
    let from = stack.remote("alpine:latest");
    for to in [
        "oci:layout:latest",
        "dir:flat",
        "docker-archive:archive.tar:example.org/alpine:latest",
    ] {
        let refused = stack.rskopeo(&format!("copy {from} {to}")).run()?;
        ensure!(refused.code == 1, "{to} was written\n{refused}");
        refused.complains(&layer.hex)?;
        let whole = stack.rskopeo(&format!("inspect {to}")).run()?;
        ensure!(whole.code != 0, "{to} looks whole\n{whole}");
    }
    let pulled = stack
        .rpod(&format!("pull {}/alpine:latest", stack.registry.address))
        .run()?;
    ensure!(pulled.code == 125, "a spoiled image was pulled\n{pulled}");
    stack.rpod("images -q").ok()?.is("")?;
    Ok(())
}

/// Killed after ever longer times, until one copy gets through.
pub(crate) fn a_killed_copy_leaves_nothing_that_looks_whole() -> Result<()> {
    let stack = Stack::new()?;
    let from = stack.remote("fedora:24");
    let image = Image::fedora()?;
    for millis in (0..).step_by(3) {
        let copy = stack
            .rskopeo(&format!("copy {from} oci:layout:24"))
            .start()?;
        sleep(Duration::from_millis(millis));
        copy.signal(Signal::SIGKILL).ok();
        let ended = copy.wait()?;
        let whole = stack.rskopeo("inspect oci:layout:24").run()?;
        if whole.code == 0 {
            for blob in image.blobs() {
                let path = stack.scratch.path("layout/blobs/sha256").join(&blob.hex);
                ensure!(
                    fs::read(&path)? == blob.bytes,
                    "{} is not whole",
                    path.display()
                );
            }
        }
        if ended.code == 0 {
            break;
        }
        ensure!(millis < 2000, "the copy does not end");
    }
    stack.rskopeo("inspect oci:layout:24").ok()?;
    Ok(())
}
