//! Registries that are slow, busy, broken or lying.

use std::fs;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tests::image::{Blob, Image};
use tests::stack::Parts;
use tests::{Asked, Context as _, Fault, Result, Stack, Unruly, ensure};

/// A stack, and something unruly before its registry.
fn unruly(
    fault: impl Fn(&Asked, usize) -> Option<Fault> + Send + Sync + 'static,
) -> Result<(Stack, Unruly)> {
    let stack = Stack::of(Parts::ours()?, tests::registry::Access::Plain)?;
    let unruly = Unruly::before(&stack.registry.address, fault)?;
    Ok((stack, unruly))
}

fn answer(status: u16, headers: &[&str], body: &str) -> Option<Fault> {
    let headers = headers.iter().map(|line| (*line).to_owned()).collect();
    Some(Fault::Answer(status, headers, body.to_owned()))
}

/// Copies fedora from the unruly registry and looks whether all of it is there.
fn arrives(stack: &Stack, unruly: &Unruly) -> Result<()> {
    let from = format!("docker://{}/fedora:24", unruly.address);
    stack
        .rskopeo(&format!("copy --src-tls-verify=false {from} oci:layout:24"))
        .ok()?;
    for blob in Image::fedora()?.blobs() {
        let path = stack.scratch.path("layout/blobs/sha256").join(&blob.hex);
        ensure!(fs::read(path)? == blob.bytes, "{} is another one", blob.hex);
    }
    Ok(())
}

/// Copies fedora from the unruly registry in vain; gives what was said.
fn fails(stack: &Stack, unruly: &Unruly) -> Result<tests::Output> {
    let from = format!("docker://{}/fedora:24", unruly.address);
    let refused = stack
        .rskopeo(&format!("copy --src-tls-verify=false {from} oci:layout:24"))
        .exits(1)?;
    ensure!(refused.stderr.trim_end().lines().count() == 1, "{refused}");
    let whole = stack.rskopeo("inspect oci:layout:24").run()?;
    ensure!(whole.code != 0, "half an image looks whole\n{whole}");
    Ok(refused)
}

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

pub(crate) fn a_slow_registry_is_waited_for() -> Result<()> {
    let (stack, unruly) = unruly(|asked, _| {
        let slow = Fault::Slow(100_000, Duration::from_millis(20));
        asked.is("GET", "/v2/fedora").then_some(slow)
    })?;
    arrives(&stack, &unruly)
}

pub(crate) fn a_busy_registry_is_asked_again() -> Result<()> {
    // Every second request is told to come back at once.
    let (stack, unruly) = unruly(|asked, nth| match (asked.is("GET", "/fedora/"), nth % 4) {
        (true, 1) => answer(429, &["Retry-After: 0"], ""),
        (true, 3) => answer(503, &["Retry-After: 0"], "down for maintenance"),
        _ => None,
    })?;
    arrives(&stack, &unruly)
}

pub(crate) fn a_broken_registry_is_told_of_in_its_own_words() -> Result<()> {
    let (stack, unruly) = unruly(|asked, _| match asked.is("GET", "/blobs/") {
        true => answer(
            500,
            &["Retry-After: 0"],
            r#"{"errors":[{"code":"UNKNOWN","message":"the disk is on fire"}]}"#,
        ),
        false => None,
    })?;
    let said = fails(&stack, &unruly)?;
    said.complains("the disk is on fire")?
        .complains("sha256:")?;
    said.complains(format!("{}/fedora", unruly.address))?;
    Ok(())
}

pub(crate) fn corrupt_and_empty_blobs_are_refused() -> Result<()> {
    for fault in [Fault::Corrupt, Fault::Cut(0)] {
        let layer = Image::fedora()?.layers.pop().context("a layer")?.hex;
        let bad = layer.clone();
        let (stack, unruly) = unruly(move |asked, _| {
            let of_layer = asked.is("GET", &layer);
            of_layer.then(|| fault.clone())
        })?;
        fails(&stack, &unruly)?.complains(bad)?;
    }
    Ok(())
}

pub(crate) fn a_lying_manifest_is_refused() -> Result<()> {
    let image = Image::fedora()?;
    let digest = image.digest();
    let (stack, unruly) = unruly(|asked, _| {
        let of_manifest = asked.is("GET", "/manifests/");
        of_manifest.then(|| Fault::Answer(200, Vec::new(), r#"{"schemaVersion":2}"#.to_owned()))
    })?;
    fails(&stack, &unruly)?;
    let by_digest = format!("docker://{}/fedora@{digest}", unruly.address);
    stack
        .rskopeo(&format!("copy --src-tls-verify=false {by_digest} dir:x"))
        .exits(1)?;
    Ok(())
}

pub(crate) fn a_manifest_of_another_image_is_refused_by_digest() -> Result<()> {
    let alpine = String::from_utf8(Image::alpine()?.manifest.bytes)?;
    let (stack, unruly) = unruly(move |asked, _| {
        let of_manifest = asked.is("GET", "/manifests/");
        of_manifest.then(|| Fault::Answer(200, Vec::new(), alpine.clone()))
    })?;
    let fedora = format!(
        "docker://{}/fedora@{}",
        unruly.address,
        Image::fedora()?.digest()
    );
    stack
        .rskopeo(&format!("copy --src-tls-verify=false {fedora} dir:x"))
        .exits(1)?
        .complains("does not match provided manifest digest")?;
    Ok(())
}

pub(crate) fn manifests_without_end_are_refused() -> Result<()> {
    let (stack, unruly) = unruly(|asked, _| {
        let of_manifest = asked.is("GET", "/manifests/");
        let endless = || format!("{{\"schemaVersion\":2,\"x\":\"{}\"}}", "x".repeat(5 << 20));
        of_manifest.then(|| Fault::Answer(200, Vec::new(), endless()))
    })?;
    fails(&stack, &unruly)?;
    let deep = |asked: &Asked, _| {
        let of_manifest = asked.is("GET", "/manifests/");
        let deep = || "[".repeat(1 << 20) + &"]".repeat(1 << 20);
        of_manifest.then(|| Fault::Answer(200, Vec::new(), deep()))
    };
    let unruly = Unruly::before(&stack.registry.address, deep)?;
    fails(&stack, &unruly)?;
    Ok(())
}

pub(crate) fn credentials_stay_with_their_registry() -> Result<()> {
    let stack = Stack::of(Parts::ours()?, tests::registry::Access::Plain)?;
    let elsewhere = Unruly::before(&stack.registry.address, |_, _| None)?;
    let to = elsewhere.address.clone();
    // Asks for a password, and sends whoever has it to another host for blobs.
    let unruly = Unruly::before(&stack.registry.address, move |asked, _| {
        if asked.header("Authorization").is_none() {
            return answer(401, &["WWW-Authenticate: Basic realm=\"tests\""], "{}");
        }
        let location = format!("Location: http://{to}{}", asked.path);
        match asked.is("GET", "/blobs/") {
            true => answer(307, &[&location], ""),
            false => None,
        }
    })?;
    let from = format!("docker://{}/fedora:24", unruly.address);
    stack
        .rskopeo(&format!(
            "copy --src-tls-verify=false --src-creds me:secret {from} oci:layout:24"
        ))
        .ok()?;
    let asked = elsewhere.asked();
    ensure!(!asked.is_empty(), "nobody was sent elsewhere");
    for asked in asked {
        ensure!(asked.header("Authorization").is_none(), "{asked:?}");
    }
    Ok(())
}

pub(crate) fn redirects_without_end_are_left() -> Result<()> {
    let (stack, unruly) = unruly(|asked, _| {
        let location = format!("Location: {}", asked.path);
        asked
            .is("GET", "/blobs/")
            .then(|| answer(302, &[&location], ""))
            .flatten()
    })?;
    fails(&stack, &unruly)?.complains("redirects")?;
    Ok(())
}

pub(crate) fn pages_that_go_round_end() -> Result<()> {
    let (stack, unruly) = unruly(|asked, _| match asked.path.contains("last=") {
        true => answer(
            200,
            &["Link: </v2/fedora/tags/list?last=a>; rel=\"next\""],
            r#"{"name":"fedora","tags":["b"]}"#,
        ),
        false if asked.is("GET", "/tags/list") => answer(
            200,
            &["Link: </v2/fedora/tags/list?last=a>; rel=\"next\""],
            r#"{"name":"fedora","tags":["a"]}"#,
        ),
        false => None,
    })?;
    let listed = stack
        .rskopeo(&format!(
            "list-tags --tls-verify=false docker://{}/fedora",
            unruly.address
        ))
        .ok()?
        .json()?;
    ensure!(listed["Tags"] == serde_json::json!(["a", "b"]), "{listed}");
    Ok(())
}

pub(crate) fn an_upload_that_is_refused_is_told_of() -> Result<()> {
    let (stack, unruly) = unruly(|asked, _| match asked.method.as_str() {
        "PUT" if asked.path.contains("/manifests/") => answer(
            400,
            &[],
            r#"{"errors":[{"code":"MANIFEST_INVALID","message":"not on a Tuesday"}]}"#,
        ),
        _ => None,
    })?;
    let (from, to) = (
        stack.remote("alpine:latest"),
        format!("docker://{}/new/alpine:1", unruly.address),
    );
    stack
        .rskopeo(&format!("copy --dest-tls-verify=false {from} {to}"))
        .exits(1)?
        .complains("manifest invalid: not on a Tuesday")?;
    Ok(())
}

pub(crate) fn blobs_are_mounted_within_a_registry() -> Result<()> {
    let (stack, unruly) = unruly(|_, _| None)?;
    let copy = format!(
        "copy --src-tls-verify=false --dest-tls-verify=false docker://{0}/fedora:24 docker://{0}/new/fedora:24",
        unruly.address
    );
    stack.rskopeo(&copy).ok()?;
    let asked = unruly.asked();
    let count =
        |method: &str, part: &str| asked.iter().filter(|asked| asked.is(method, part)).count();
    ensure!(count("POST", "mount=sha256:") == 4, "{asked:?}");
    ensure!(
        count("PUT", "/blobs/") + count("PATCH", "/blobs/") == 0,
        "a blob was sent\n{asked:?}"
    );
    Ok(())
}

/// What came from one repository and goes to another of the same registry is not sent, whatever was in between.
pub(crate) fn blobs_are_mounted_from_where_they_were_seen() -> Result<()> {
    let (stack, unruly) = unruly(|_, _| None)?;
    arrives(&stack, &unruly)?;
    let push = format!(
        "copy --dest-tls-verify=false oci:layout:24 docker://{}/seen/fedora:24",
        unruly.address
    );
    let before = unruly.asked().len();
    stack.rskopeo(&push).ok()?;
    let asked = unruly.asked().split_off(before);
    let count =
        |method: &str, part: &str| asked.iter().filter(|asked| asked.is(method, part)).count();
    ensure!(count("POST", "&from=fedora") == 3, "{asked:?}");
    // The configuration, which is not worth remembering.
    ensure!(count("PUT", "/blobs/") == 1, "a layer was sent\n{asked:?}");
    Ok(())
}

/// Layers that do not stay what they are will never be asked for.
pub(crate) fn blobs_that_go_no_further_are_not_remembered() -> Result<()> {
    let (stack, unruly) = unruly(|_, _| None)?;
    let known = stack.scratch.path("cache/rskopeo/known-blobs");
    let pull = |to: &str| {
        let from = format!("docker://{}/fedora:24", unruly.address);
        stack.rskopeo(&format!("copy --src-tls-verify=false {from} {to}"))
    };
    pull("docker-archive:unpacked.tar").ok()?;
    ensure!(!known.exists(), "a plain pull has left {}", known.display());
    pull("oci-archive:kept.tar").ok()?;
    ensure!(known.join(&unruly.address).exists());
    Ok(())
}

pub(crate) fn blobs_that_are_not_mounted_are_sent() -> Result<()> {
    // As a registry answers that knows no mounts: it begins an upload.
    let (stack, unruly) = unruly(|asked, _| match asked.path.contains("mount=") {
        true => answer(202, &["Location: /v2/new/fedora/blobs/uploads/begun"], ""),
        false => None,
    })?;
    let copy = format!(
        "copy --src-tls-verify=false --dest-tls-verify=false docker://{0}/fedora:24 docker://{0}/new/fedora:24",
        unruly.address
    );
    stack.rskopeo(&copy).ok()?;
    let asked = unruly.asked();
    ensure!(
        asked
            .iter()
            .any(|asked| asked.is("DELETE", "/uploads/begun")),
        "{asked:?}"
    );
    let inspect = format!("inspect {}", stack.remote("new/fedora:24"));
    let said = stack.rskopeo(&inspect).ok()?.json()?;
    ensure!(
        said["Digest"] == Image::fedora()?.digest().as_str(),
        "{said}"
    );
    Ok(())
}
