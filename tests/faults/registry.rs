//! Registries that are slow, busy, broken or lying.

use std::fs;
use std::time::Duration;

use tests::image::Image;
use tests::stack::Parts;
use tests::{Asked, Context as _, Fault, Result, Stack, Unruly, ensure};

/// A stack, and something unruly before its registry.
pub(crate) fn unruly(
    fault: impl Fn(&Asked, usize) -> Option<Fault> + Send + Sync + 'static,
) -> Result<(Stack, Unruly)> {
    let stack = Stack::of(Parts::ours()?, tests::registry::Access::Plain)?;
    let unruly = Unruly::before(&stack.registry.address, fault)?;
    Ok((stack, unruly))
}

pub(crate) fn answer(status: u16, headers: &[&str], body: &str) -> Option<Fault> {
    let headers = headers.iter().map(|line| (*line).to_owned()).collect();
    Some(Fault::Answer(status, headers, body.to_owned()))
}

/// Copies fedora from the unruly registry and looks whether all of it is there.
pub(crate) fn arrives(stack: &Stack, unruly: &Unruly) -> Result<()> {
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
pub(crate) fn fails(stack: &Stack, unruly: &Unruly) -> Result<tests::Output> {
    let from = format!("docker://{}/fedora:24", unruly.address);
    let refused = stack
        .rskopeo(&format!("copy --src-tls-verify=false {from} oci:layout:24"))
        .exits(1)?;
    ensure!(refused.stderr.trim_end().lines().count() == 1, "{refused}");
    let whole = stack.rskopeo("inspect oci:layout:24").run()?;
    ensure!(whole.code != 0, "half an image looks whole\n{whole}");
    Ok(refused)
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
