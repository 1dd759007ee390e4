//! Downloads that were broken off go on where they were.

use std::fs;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tests::image::{Blob, Image};
use tests::{Fault, Result, ensure};

use crate::registry::{arrives, unruly};

pub(crate) fn a_cut_connection_is_taken_up_again() -> Result<()> {
    let (stack, unruly) = unruly(|asked, _| {
        let is_blob = asked.is("GET", "/blobs/");
        is_blob.then_some(Fault::Cut(300_000))
    })?;
    arrives(&stack, &unruly)?;
    let ranges = unruly.asked();
    let ranges = ranges.iter().filter_map(|asked| asked.header("Range"));
    ensure!(ranges.count() > 0, "nothing was cut");
    Ok(())
}

pub(crate) fn a_killed_copy_goes_on_where_it_was() -> Result<()> {
    let (stack, unruly) = unruly(|asked, _| {
        let slow = Fault::Slow(64 << 10, Duration::from_millis(15));
        asked.is("GET", "/v2/big/blobs").then_some(slow)
    })?;
    let from = stack.remote("alpine:latest");
    stack.rskopeo(&format!("unpack {from} bundle")).ok()?;
    let random = fs::File::open("/dev/urandom")?;
    let mut file = fs::File::create(stack.scratch.path("bundle/rootfs/big"))?;
    std::io::copy(&mut random.take(16 << 20), &mut file)?;
    let big = stack.remote("big:1");
    stack.rskopeo(&format!("pack bundle {big}")).ok()?;

    let copy = || {
        let from = format!("docker://{}/big:1", unruly.address);
        stack.rskopeo(&format!("copy --src-tls-verify=false {from} oci:layout:1"))
    };
    let kept = || -> Result<u64> {
        let mut size = 0;
        if let Ok(entries) = fs::read_dir(stack.scratch.path("cache/rskopeo")) {
            for entry in entries {
                let meta = entry?.metadata()?;
                size += if meta.is_file() { meta.len() } else { 0 };
            }
        }
        Ok(size)
    };
    let killed = copy().start()?;
    while kept()? < 6 << 20 {
        std::thread::sleep(Duration::from_millis(5));
    }
    killed.signal(Signal::SIGKILL)?;
    killed.wait()?;
    let before = unruly.asked().len();
    copy().ok()?;
    let asked = unruly.asked();
    let ranges: Vec<&str> = asked[before..]
        .iter()
        .filter_map(|asked| asked.header("Range"))
        .collect();
    let start = ranges.first().and_then(|range| {
        range
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse::<u64>()
            .ok()
    });
    ensure!(start.is_some_and(|start| start >= 6 << 20), "{ranges:?}");
    ensure!(kept()? == 0, "what is whole is still kept");
    stack.rskopeo("unpack oci:layout:1 whole").ok()?;
    Ok(())
}

/// Nothing is left of the archive itself.
pub(crate) fn a_killed_archive_is_begun_with_what_has_come() -> Result<()> {
    let image = Image::of_noise(6, 200_000)?;
    let is_slow = Arc::new(AtomicBool::new(true));
    let slow = Arc::clone(&is_slow);
    let (stack, unruly) = unruly(move |asked, _| {
        let pause = Fault::Slow(40_000, Duration::from_millis(120));
        let is_blob = asked.is("GET", "/v2/noise/blobs/");
        (is_blob && slow.load(Ordering::Relaxed)).then_some(pause)
    })?;
    stack.registry.hold("noise", "1", &image)?;
    let cache = stack.scratch.path("cache/rskopeo");
    let has_come = |layer: &&Blob| {
        let kept = fs::metadata(cache.join(&layer.hex));
        kept.is_ok_and(|meta| meta.len() == layer.bytes.len() as u64)
    };
    for to in [
        "docker-archive:a.tar:example.org/noise:1",
        "oci-archive:b.tar:1",
    ] {
        let from = format!("docker://{}/noise:1", unruly.address);
        let copy = || stack.rskopeo(&format!("copy --src-tls-verify=false {from} {to}"));
        is_slow.store(true, Ordering::Relaxed);
        let killed = copy().start()?;
        let deadline = Instant::now() + Duration::from_secs(20);
        while image.layers.iter().filter(has_come).count() < 2 {
            ensure!(Instant::now() < deadline, "{to}: nothing is kept");
            std::thread::sleep(Duration::from_millis(5));
        }
        killed.signal(Signal::SIGKILL)?;
        killed.wait()?;
        ensure!(!stack.scratch.path("a.tar").exists() || to.starts_with("oci"));
        let come: Vec<&Blob> = image.layers.iter().filter(has_come).collect();
        is_slow.store(false, Ordering::Relaxed);
        let before = unruly.asked().len();
        copy().ok()?;
        let asked = unruly.asked().split_off(before);
        for layer in &image.layers {
            let fetched = asked.iter().any(|asked| asked.is("GET", &layer.hex));
            let is_kept = come.iter().any(|come| come.hex == layer.hex);
            ensure!(
                fetched != is_kept,
                "{to}: {} of {come:?}\n{asked:?}",
                layer.hex
            );
        }
        ensure!(
            !image
                .layers
                .iter()
                .any(|layer| cache.join(&layer.hex).exists()),
            "{to}: what is done is still kept"
        );
        stack.rskopeo(&format!("copy {to} dir:whole")).ok()?;
    }
    Ok(())
}
