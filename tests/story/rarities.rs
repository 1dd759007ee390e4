//! What the specifications allow and few images have: each goes through whole.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};
use tests::image::hex;
use tests::{Cmd, Context as _, Result, Stack, ensure};

const NAME: &str = "org.opencontainers.image.ref.name";

pub(crate) fn a_digest_told_before_saves_an_upload() -> Result<()> {
    let stack = Stack::new()?;
    let (from, to) = (stack.remote("fedora:24"), stack.remote("again:v1"));
    let line = format!("copy --dest-precompute-digests --dest-compress-format zstd {from} {to}");
    let uploads = || -> Result<usize> {
        let requests = stack.registry.requests()?;
        let begun = requests.iter().filter(|line| {
            line.contains("response completed") && line.contains("/v2/again/blobs/uploads/")
        });
        Ok(begun.count())
    };
    stack.rskopeo(&line).ok()?;
    let first = uploads()?;
    ensure!(first > 0, "nothing was uploaded");
    stack.rskopeo(&line).ok()?;
    ensure!(uploads()? == first, "what is there was uploaded once more");
    Ok(())
}

pub(crate) fn limits_are_raised_by_options() -> Result<()> {
    let stack = Stack::new()?;
    let image = stack.remote("fedora:24");
    let store = format!(
        "containers-storage:[rpod@{0}/store+{0}/run]fedora",
        stack.scratch.path("").display()
    );
    let refused = [
        (
            format!("--max-manifest-size 100 inspect {image}"),
            "--max-manifest-size",
        ),
        (
            format!("copy {image} {store} --max-entries 3"),
            "--max-entries",
        ),
        (
            format!("copy {image} {store} --max-bytes 100"),
            "--max-bytes",
        ),
    ];
    for (line, option) in refused {
        stack.rskopeo(&line).exits(1)?.complains(option)?;
    }
    let raised = format!("copy {image} {store} --max-entries 9999 --max-manifest-size 99999");
    stack.rskopeo(&raised).ok()?;
    Ok(())
}

pub(crate) fn foreign_layers_stay_where_they_are() -> Result<()> {
    let stack = Stack::new()?;
    let layout = plain_layout(&stack)?;
    let image = rewritten(&layout, "foreign", |manifest, _| {
        let last = manifest["layers"]
            .as_array_mut()
            .and_then(|layers| layers.last_mut());
        let layer = last.context("a layer")?;
        let gone = blob(&layout, &layer["digest"])?;
        fs::remove_file(gone)?;
        layer["mediaType"] = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip".into();
        layer["urls"] = json!(["http://127.0.0.1:1/layer"]);
        Ok(())
    })?;
    stack.rskopeo(&format!("copy {image} oci:there:x")).ok()?;
    let raw = |image: &str| stack.rskopeo(&format!("inspect --raw {image}")).ok();
    ensure!(raw("oci:there:x")?.stdout == raw(&image)?.stdout);
    // A directory has to have all of it.
    stack.rskopeo(&format!("copy {image} dir:d")).exits(1)?;
    Ok(())
}

pub(crate) fn descriptors_with_data_and_artifacts_pass() -> Result<()> {
    let stack = Stack::new()?;
    let layout = plain_layout(&stack)?;
    let with_data = rewritten(&layout, "data", |manifest, _| {
        manifest["config"]["data"] = "bm90IGl0cyBieXRlcw==".into();
        Ok(())
    })?;
    let artifact = rewritten(&layout, "artifact", |manifest, _| {
        manifest["config"]["mediaType"] = "application/vnd.oci.empty.v1+json".into();
        manifest["artifactType"] = "application/vnd.example+type".into();
        manifest["annotations"] = json!({"a": "b"});
        let layers = manifest["layers"].as_array_mut().context("layers")?;
        layers[0]["mediaType"] = "text/plain".into();
        Ok(())
    })?;
    for (n, image) in [with_data, artifact].iter().enumerate() {
        let places = [
            format!("oci:there{n}:x"),
            format!("dir:flat{n}"),
            stack.remote(&format!("rare/image{n}:x")),
        ];
        let raw = |image: &str| stack.rskopeo(&format!("inspect --raw {image}")).ok();
        for place in &places {
            stack.rskopeo(&format!("copy {image} {place}")).ok()?;
            ensure!(raw(place)?.stdout == raw(image)?.stdout, "{place}");
        }
    }
    // No layers of a container are in it.
    stack
        .rskopeo("unpack oci:plain:artifact bundle")
        .exits(1)?
        .complains("artifact")?;
    stack
        .rskopeo("copy --format v2s2 oci:plain:artifact dir:converted")
        .exits(1)?
        .complains("cannot be converted")?;
    Ok(())
}

pub(crate) fn digests_of_sha512_are_checked_and_kept() -> Result<()> {
    let stack = Stack::new()?;
    let layout = plain_layout(&stack)?;
    let other = layout.join("blobs/sha512");
    fs::create_dir_all(&other)?;
    let image = rewritten(&layout, "sha512", |manifest, _| {
        for layer in manifest["layers"].as_array_mut().context("layers")? {
            let bytes = fs::read(blob(&layout, &layer["digest"])?)?;
            let digest: String = Sha512::digest(&bytes)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            fs::write(other.join(&digest), bytes)?;
            layer["digest"] = format!("sha512:{digest}").into();
        }
        Ok(())
    })?;
    let places = ["oci:there:x", "dir:flat", "oci-archive:there.tar:x"];
    for place in places {
        stack.rskopeo(&format!("copy {image} {place}")).ok()?;
        let bundle = place.replace([':', '.'], "-");
        stack.rskopeo(&format!("unpack {place} {bundle}")).ok()?;
    }
    let listed = Cmd::new("tar")
        .arg("-tf")
        .arg(stack.scratch.path("there.tar"));
    let listed = listed.ok()?;
    let long = listed.stdout.lines().filter(|line| line.len() == 141);
    ensure!(long.count() > 0, "{listed}");
    let first = fs::read_dir(&other)?.next().context("a blob")??.path();
    let mut bytes = fs::read(&first)?;
    bytes[20] ^= 1;
    fs::write(&first, bytes)?;
    stack
        .rskopeo(&format!("copy {image} oci:bad:x"))
        .exits(1)?
        .complains("Digest did not match, expected sha512:")?;
    Ok(())
}

pub(crate) fn names_that_differ_by_case_or_form_are_two() -> Result<()> {
    let stack = Stack::new()?;
    let layout = plain_layout(&stack)?;
    let names = ["README", "readme", "e\u{301}", "\u{e9}"];
    let mut tar = tar::Builder::new(Vec::new());
    for name in names {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o4755);
        header.set_size(name.len() as u64);
        tar.append_data(&mut header, name, name.as_bytes())?;
    }
    let tar = tar.into_inner()?;
    let digest = format!("sha256:{}", hex(&tar));
    fs::write(layout.join("blobs/sha256").join(hex(&tar)), &tar)?;
    let image = rewritten(&layout, "twins", |manifest, config| {
        manifest["layers"] = json!([{
            "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": tar.len(),
        }]);
        config["rootfs"]["diff_ids"] = json!([digest]);
        config["history"] = json!([]);
        Ok(())
    })?;
    for (how, bundle) in [("", "owned"), ("--rootless ", "rootless")] {
        stack
            .rskopeo(&format!("unpack {how}{image} {bundle}"))
            .ok()?;
        let rootfs = stack.scratch.path(bundle).join("rootfs");
        ensure!(fs::read_dir(&rootfs)?.count() == names.len());
        for name in names {
            use std::os::unix::fs::PermissionsExt;
            let path = rootfs.join(name);
            ensure!(fs::read(&path)? == name.as_bytes(), "{name}");
            // As umoci has it, also without root: whose the file is decides what the bit is worth.
            let mode = fs::metadata(&path)?.permissions().mode();
            ensure!(mode & 0o7777 == 0o4755, "{name} has mode {mode:o}");
        }
    }
    Ok(())
}

/// A layout with one image to start from.
fn plain_layout(stack: &Stack) -> Result<std::path::PathBuf> {
    let from = stack.remote("fedora:24");
    stack.rskopeo(&format!("copy {from} oci:plain:x")).ok()?;
    Ok(stack.scratch.path("plain"))
}

/// The image of a layout with its manifest and configuration changed, under another name.
fn rewritten(
    layout: &Path,
    name: &str,
    change: impl FnOnce(&mut Value, &mut Value) -> Result<()>,
) -> Result<String> {
    let read = |path: &Path| -> Result<Value> { Ok(serde_json::from_slice(&fs::read(path)?)?) };
    let path = layout.join("index.json");
    let mut index = read(&path)?;
    let entries = index["manifests"].as_array_mut().context("entries")?;
    let mut entry = entries[0].clone();
    let mut manifest = read(&blob(layout, &entry["digest"])?)?;
    let mut config = read(&blob(layout, &manifest["config"]["digest"])?)?;
    change(&mut manifest, &mut config)?;
    let put = |descriptor: &mut Value, content: &Value| -> Result<()> {
        let bytes = content.to_string();
        descriptor["digest"] = format!("sha256:{}", hex(bytes.as_bytes())).into();
        descriptor["size"] = bytes.len().into();
        Ok(fs::write(blob(layout, &descriptor["digest"])?, bytes)?)
    };
    put(&mut manifest["config"], &config)?;
    put(&mut entry, &manifest)?;
    entry["annotations"][NAME] = name.into();
    entries.push(entry);
    fs::write(path, index.to_string())?;
    Ok(format!("oci:{}:{name}", file_name(layout)))
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn blob(layout: &Path, digest: &Value) -> Result<std::path::PathBuf> {
    let digest = digest.as_str().context("a digest")?;
    Ok(layout.join("blobs").join(digest.replace(':', "/")))
}
