//! Formats that are older, newer or rarer than an OCI image of gzip layers.

use std::fs;

use serde_json::{Value, json};
use tests::image::Image;
use tests::{Cmd, Context as _, Fault, Result, Stack, Unruly, ensure, peer};

/// The real one, in the stack's scratch directory.
pub(crate) fn skopeo(stack: &Stack, line: &str) -> Result<Cmd> {
    Ok(Cmd::new(peer("skopeo")?)
        .dir(stack.scratch.path(""))
        .arg("--insecure-policy")
        .arg("--registries-conf")
        .arg(stack.scratch.path("registries.conf"))
        .words(line))
}

/// What was packed is unpacked before it is packed in another way.
pub(crate) fn layers_are_packed_anew_once() -> Result<()> {
    let stack = Stack::new()?;
    let from = stack.remote("fedora:24");
    let way = ["zstd", "gzip", "zstd:chunked", "gzip"];
    let mut last = from.clone();
    for (n, format) in way.iter().enumerate() {
        let to = format!("oci:step{n}:x");
        stack
            .rskopeo(&format!("copy --dest-compress-format {format} {last} {to}"))
            .ok()?;
        // Every layer is unpacked, and its diffID compared.
        stack.rskopeo(&format!("unpack {to} bundle{n}")).ok()?;
        skopeo(&stack, &format!("copy --dest-decompress {to} dir:plain{n}"))?.ok()?;
        last = to;
    }
    Ok(())
}

/// Whatever name an image is given in a layout, or takes from another: skopeo makes the same index.
pub(crate) fn names_in_a_layout_are_given_as_by_skopeo() -> Result<()> {
    let stack = Stack::new()?;
    let (alpine, fedora) = ("alpine:latest", "fedora:24");
    let steps = [
        (alpine, "x"),
        (fedora, "x"),
        (alpine, "y"),
        (alpine, "z"),
        (fedora, ""),
        (alpine, ""),
    ];
    let mut indexes = Vec::new();
    for layout in ["ours", "theirs"] {
        for (image, name) in steps {
            let from = stack.remote(image);
            let line = format!("copy {from} oci:{layout}:{name}");
            match layout {
                "ours" => stack.rskopeo(&line).ok()?,
                _ => skopeo(&stack, &line)?.ok()?,
            };
        }
        let index = fs::read_to_string(stack.scratch.path(layout).join("index.json"))?;
        let index: Value = serde_json::from_str(&index)?;
        let entries = index["manifests"].as_array().context("manifests")?;
        let entry = |entry: &Value| json!([entry["digest"], entry["annotations"]]);
        indexes.push(entries.iter().map(entry).collect::<Vec<_>>());
    }
    ensure!(indexes[0] == indexes[1], "{indexes:?}");

    let digest = |place: &str| -> Result<String> {
        let line = format!("inspect --format {{{{.Digest}}}} oci:ours:{place}");
        Ok(stack.rskopeo(&line).ok()?.text().to_owned())
    };
    ensure!(digest("@1")? == digest("x")? && digest("@2")? == digest("z")?);
    stack.rskopeo("delete oci:ours:@1").ok()?;
    let gone = stack.rskopeo("inspect oci:ours:x").exits(2)?;
    gone.complains("no descriptor found for reference")?;
    stack
        .rskopeo("inspect oci:ours:@4")
        .exits(1)?
        .complains("only 4 entries")?;
    stack
        .rskopeo("copy oci:ours:@0 oci:ours:@1")
        .exits(1)?
        .complains("must not contain a manifest index")?;
    Ok(())
}

/// A registry that knows no manifests of OCI gets the image in a format that it knows, and an index likewise.
pub(crate) fn a_format_that_is_refused_gives_way_to_another() -> Result<()> {
    let stack = Stack::new()?;
    let old = Unruly::before(&stack.registry.address, |asked, _| {
        let is_of_oci = asked
            .header("Content-Type")
            .is_some_and(|kind| kind.starts_with("application/vnd.oci.image."));
        let answer = r#"{"errors":[{"code":"MANIFEST_INVALID","message":"what is this"}]}"#;
        (is_of_oci && asked.is("PUT", "/manifests/"))
            .then(|| Fault::Answer(400, Vec::new(), answer.to_owned()))
    })?;
    let to = format!("docker://{}/old:v1", old.address);
    let copy = |options: &str| {
        let from = stack.remote("fedora:24");
        stack.rskopeo(&format!(
            "copy --dest-tls-verify=false {options} {from} {to}"
        ))
    };
    copy("").ok()?;
    let kind = || -> Result<Value> {
        let raw = stack.rskopeo(&format!("inspect --raw --tls-verify=false {to}"));
        Ok(raw.ok()?.json()?["mediaType"].clone())
    };
    let docker = "application/vnd.docker.distribution.manifest";
    ensure!(kind()? == format!("{docker}.v2+json"));
    stack
        .rskopeo(&format!("unpack --tls-verify=false {to} bundle"))
        .ok()?;

    // Where nothing may change, or only OCI's would do, the registry's word is the last.
    for options in [
        "--preserve-digests",
        "--format oci",
        "--dest-compress-format zstd",
    ] {
        copy(options).exits(1)?.complains("what is this")?;
    }

    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [{
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": Image::fedora()?.digest(),
        "size": Image::fedora()?.manifest.bytes.len(),
        "platform": {"os": "linux", "architecture": "amd64"},
    }]});
    stack
        .rskopeo(&format!("copy {} dir:all", stack.remote("fedora:24")))
        .ok()?;
    let manifest = stack.scratch.path("all/manifest.json");
    let instance = format!("all/{}.manifest.json", Image::fedora()?.manifest.hex);
    fs::rename(manifest, stack.scratch.path(instance))?;
    stack
        .scratch
        .write("all/manifest.json", index.to_string())?;
    stack
        .rskopeo(&format!("copy --dest-tls-verify=false --all dir:all {to}"))
        .ok()?;
    ensure!(kind()? == format!("{docker}.list.v2+json"));
    stack
        .rskopeo(&format!("unpack --tls-verify=false {to} again"))
        .ok()?;
    Ok(())
}

/// Docker's manifests have no words for these layers: the image becomes one of OCI.
pub(crate) fn what_only_oci_can_say_makes_an_image_of_oci() -> Result<()> {
    let stack = Stack::new()?;
    let from = stack.remote("docker:v1");
    let make = format!("copy --format v2s2 {} {from}", stack.remote("fedora:24"));
    stack.rskopeo(&make).ok()?;
    for (n, format) in ["zstd", "zstd:chunked"].iter().enumerate() {
        let to = stack.remote(&format!("packed:v{n}"));
        let copy = format!("copy --dest-compress-format {format}");
        stack.rskopeo(&format!("{copy} {from} {to}")).ok()?;
        let raw = stack.rskopeo(&format!("inspect --raw {to}")).ok()?;
        raw.says("application/vnd.oci.image.layer.v1.tar+zstd")?;
        skopeo(&stack, &format!("copy --dest-decompress {to} dir:plain{n}"))?.ok()?;
        stack
            .rskopeo(&format!("{copy} {from} docker-archive:x.tar"))
            .exits(1)?
            .complains("required but the destination only supports MIME types")?;
        stack
            .rskopeo(&format!("{copy} --format v2s2 {from} oci:x"))
            .exits(1)?;
    }
    Ok(())
}

/// A layout is OCI's, but takes manifests of Docker's from who asks for them, as skopeo's does.
pub(crate) fn a_layout_takes_the_format_that_is_asked_for() -> Result<()> {
    let stack = Stack::new()?;
    let from = stack.remote("fedora:24");
    for format in ["v2s2", "v2s1"] {
        let copy = |to: &str| format!("copy --format {format} {from} {to}");
        stack.rskopeo(&copy(&format!("oci:ours:{format}"))).ok()?;
        let theirs = format!("oci:theirs:{format}");
        skopeo(&stack, &copy(&theirs))?.ok()?;
        stack
            .rskopeo(&copy(&format!("oci-archive:{format}.tar:x")))
            .ok()?;
        // The installed skopeo does not read such a layout, its own neither.
        for (n, image) in [
            theirs,
            format!("oci:ours:{format}"),
            format!("oci-archive:{format}.tar:x"),
        ]
        .iter()
        .enumerate()
        {
            let to = format!("docker-archive:{format}-{n}.tar:a:b");
            stack.rskopeo(&format!("copy {image} {to}")).ok()?;
        }
    }
    let kinds = |layout: &str| -> Result<Vec<Value>> {
        let index = fs::read(stack.scratch.path(layout).join("index.json"))?;
        let index: Value = serde_json::from_slice(&index)?;
        let manifests = index["manifests"].as_array().context("manifests")?;
        let kind = |entry: &Value| json!([entry["mediaType"], entry["annotations"]]);
        Ok(manifests.iter().map(kind).collect())
    };
    ensure!(kinds("ours")? == kinds("theirs")?, "{:?}", kinds("ours")?);
    stack.rskopeo("delete oci:ours:v2s2").ok()?;
    stack.rskopeo("unpack oci:ours:v2s1 bundle").ok()?;
    // Who takes no other format says so.
    stack
        .rskopeo(&format!("copy --format oci {from} docker-archive:x.tar"))
        .exits(1)?
        .complains("choose another --format")?;
    Ok(())
}

/// What is for dir: alone changes nothing elsewhere, and is told.
pub(crate) fn packing_for_directories_is_for_directories() -> Result<()> {
    let stack = Stack::new()?;
    let from = stack.remote("alpine:latest");
    for flag in ["--dest-compress", "--dest-decompress"] {
        let copy = format!("copy {flag} --dest-oci-accept-uncompressed-layers {from} oci:to:x");
        let told = stack.rskopeo(&copy).ok()?;
        told.complains(format!(
            "{flag} can only be used if the destination transport is 'dir'"
        ))?;
        let raw = |image: &str| stack.rskopeo(&format!("inspect --raw {image}")).ok();
        ensure!(raw("oci:to:x")?.stdout == raw(&from)?.stdout);
    }
    let plain =
        format!("copy --dest-compress --dest-compress=false --dest-decompress {from} dir:plain");
    let plain = stack.rskopeo(&plain).ok()?;
    plain.hides("can only be used")?;
    let manifest = stack.rskopeo("inspect --raw dir:plain").ok()?.json()?;
    let layer = &manifest["layers"][0];
    let is_plain = layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar";
    ensure!(is_plain, "{layer}");
    Ok(())
}

pub(crate) fn zstd_chunked_is_zstd_to_others() -> Result<()> {
    let stack = Stack::new()?;
    let (from, to) = (stack.remote("fedora:24"), stack.remote("chunked:v1"));
    stack
        .rskopeo(&format!(
            "copy --dest-compress-format zstd:chunked {from} {to}"
        ))
        .ok()?;
    let raw = |image: &str| stack.rskopeo(&format!("inspect --raw {image}")).ok();
    let manifest = raw(&to)?.json()?;
    for layer in manifest["layers"].as_array().context("layers")? {
        ensure!(
            layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+zstd",
            "{layer}"
        );
        let told = &layer["annotations"];
        for name in [
            "manifest-checksum",
            "manifest-position",
            "tarsplit-position",
        ] {
            let name = format!("io.github.containers.zstd-chunked.{name}");
            ensure!(told[&name].is_string(), "no {name}: {layer}");
        }
    }
    // It stays what it is, by either tool, and asked for again.
    skopeo(&stack, &format!("copy {to} oci:theirs:x"))?.ok()?;
    stack
        .rskopeo("copy --dest-compress-format zstd:chunked oci:theirs:x oci:ours:x")
        .ok()?;
    ensure!(raw("oci:ours:x")?.stdout == raw(&to)?.stdout);
    skopeo(&stack, "copy --dest-decompress oci:ours:x dir:plain")?.ok()?;
    // Without its table it says no more of one.
    stack
        .rskopeo("copy --dest-compress-format gzip oci:ours:x oci:gzip:x")
        .ok()?;
    raw("oci:gzip:x")?.hides("zstd-chunked")?;
    Ok(())
}
