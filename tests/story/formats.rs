//! Formats that are older, newer or rarer than an OCI image of gzip layers.

use std::fs;

use serde_json::{Value, json};
use tests::image::Image;
use tests::{Cmd, Context as _, Fault, Result, Stack, Unruly, ensure, peer};

/// The real one, in the stack's scratch directory.
fn skopeo(stack: &Stack, line: &str) -> Result<Cmd> {
    Ok(Cmd::new(peer("skopeo")?)
        .dir(stack.scratch.path(""))
        .arg("--insecure-policy")
        .arg("--registries-conf")
        .arg(stack.scratch.path("registries.conf"))
        .words(line))
}

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

pub(crate) fn layers_are_encrypted_for_either_tool() -> Result<()> {
    let stack = Stack::new()?;
    let openssl = |line: &str| -> Result<()> {
        Cmd::new(peer("openssl")?)
            .dir(stack.scratch.path(""))
            .words(line)
            .ok()?;
        Ok(())
    };
    openssl("genrsa -traditional -out rsa.pem 2048")?;
    openssl("rsa -in rsa.pem -aes256 -traditional -passout pass:secret -out locked.pem")?;
    openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem")?;
    for key in ["rsa", "ec"] {
        openssl(&format!("pkey -in {key}.pem -pubout -out {key}.pub"))?;
    }
    let image = stack.remote("fedora:24");
    stack.rskopeo(&format!("copy {image} oci:plain:x")).ok()?;
    let layers = |image: &str| -> Result<Value> {
        let said = stack.rskopeo(&format!("inspect {image}")).ok()?.json()?;
        Ok(said["Layers"].clone())
    };
    let plain = layers("oci:plain:x")?;
    for (key, opened_by) in [("rsa", "locked.pem:pass=secret"), ("ec", "ec.pem")] {
        let line =
            |to: &str| format!("copy --encryption-key jwe:{key}.pub oci:plain:x oci:{to}:{key}");
        stack.rskopeo(&line("ours")).ok()?;
        skopeo(&stack, &line("theirs"))?.ok()?;
        for from in ["ours", "theirs"] {
            let line = |by: &str, to: &str| {
                format!("copy --decryption-key {by} oci:{from}:{key} oci:{from}-{key}-{to}:x")
            };
            stack.rskopeo(&line(opened_by, "ours")).ok()?;
            // The installed one takes no passphrase here.
            skopeo(&stack, &line(&format!("{key}.pem"), "theirs"))?.ok()?;
            for to in ["ours", "theirs"] {
                let decrypted = layers(&format!("oci:{from}-{key}-{to}:x"))?;
                ensure!(decrypted == plain, "{from} {key} {to}: {decrypted}");
            }
        }
    }
    // One of the layers, for two; without a key it passes as it is.
    let both = "--encryption-key jwe:rsa.pub --encryption-key jwe:ec.pub --encrypt-layer=-1";
    stack
        .rskopeo(&format!("copy {both} oci:plain:x oci:both:x"))
        .ok()?;
    let some = layers("oci:both:x")?;
    ensure!(
        some[0] == plain[0] && some[1] == plain[1] && some[2] != plain[2],
        "{some}"
    );
    stack.rskopeo("copy oci:both:x dir:kept").ok()?;
    ensure!(layers("dir:kept")? == some);
    skopeo(
        &stack,
        "copy --decryption-key ec.pem dir:kept oci:both-ec:x",
    )?
    .ok()?;
    ensure!(layers("oci:both-ec:x")? == plain);
    let refused = [
        (
            "copy oci:both:x docker-archive:x.tar:a/b:c",
            "none of which support encryption",
        ),
        ("unpack oci:both:x bundle", "--decryption-key"),
        (
            "copy --decryption-key locked.pem oci:both:x oci:y:x",
            "Missing password",
        ),
        (
            "copy --decryption-key locked.pem:no oci:both:x oci:y:x",
            "Wrong password",
        ),
        (
            "copy --decryption-key ec.pem oci:ours:rsa oci:y:x",
            "No suitable private key",
        ),
        (
            "copy --encryption-key pgp:me@example.com oci:plain:x oci:y:x",
            "pgp: keys are not supported",
        ),
        (
            "copy --encrypt-layer 0 oci:plain:x oci:y:x",
            "can only be used with --encryption-key",
        ),
        (
            "copy --encryption-key jwe:ec.pub --encrypt-layer 3 oci:plain:x oci:y:x",
            "out of range",
        ),
        (
            "copy --preserve-digests --encryption-key jwe:ec.pub oci:plain:x oci:y:x",
            "cannot modify",
        ),
    ];
    for (line, text) in refused {
        stack.rskopeo(line).exits(1)?.complains(text)?;
    }
    Ok(())
}
