//! Images: looked at, copied, unpacked.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use serde_json::Value;
use tests::image::{Image, hex};
use tests::{Cmd, Context as _, Result, Stack, ensure, peer};

pub(crate) fn inspect_reads_no_layers() -> Result<()> {
    let stack = Stack::new()?;
    let fedora = stack.remote("fedora:24");
    let said = stack.rskopeo(&format!("inspect {fedora}")).ok()?.json()?;
    let image = Image::fedora()?;
    ensure!(said["Digest"] == image.digest().as_str(), "{said}");
    ensure!(
        said["Name"] == format!("{}/fedora", stack.registry.address).as_str(),
        "{said}"
    );
    ensure!(said["RepoTags"][0] == "24", "{said}");
    ensure!(
        said["Architecture"] == "amd64" && said["Os"] == "linux",
        "{said}"
    );
    ensure!(
        said["Layers"]
            .as_array()
            .is_some_and(|layers| layers.len() == 3),
        "{said}"
    );
    ensure!(
        said["Env"].to_string().contains("DISTTAG=f24docker"),
        "{said}"
    );
    let requests = stack.registry.requests()?.join("\n");
    for layer in &image.layers {
        ensure!(
            !requests.contains(&layer.hex),
            "a layer was read:\n{requests}"
        );
    }
    Ok(())
}

pub(crate) fn inspect_shows_the_raw_manifest_and_the_config() -> Result<()> {
    let stack = Stack::new()?;
    let fedora = stack.remote("fedora:24");
    let image = Image::fedora()?;
    let raw = stack.rskopeo(&format!("inspect --raw {fedora}")).ok()?;
    ensure!(raw.stdout.as_bytes() == image.manifest.bytes, "{raw}");
    let config = stack
        .rskopeo(&format!("inspect --config {fedora}"))
        .ok()?
        .json()?;
    ensure!(config["config"]["WorkingDir"] == "/opt/data", "{config}");
    Ok(())
}

/// As when `head` has seen enough: by SIGPIPE and without a word, like any program.
pub(crate) fn a_reader_that_went_away_ends_it() -> Result<()> {
    let stack = Stack::new()?;
    let fedora = stack.remote("fedora:24");
    for line in [format!("inspect {fedora}"), format!("copy {fedora} dir:x")] {
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let mut command = stack.rskopeo(&line).into_command();
        let ended = command.stdout(writer).stderr(Stdio::piped()).output()?;
        ensure!(
            ended.status.signal() == Some(libc::SIGPIPE),
            "{line}: {ended:?}"
        );
        ensure!(ended.stderr.is_empty(), "{line}: {ended:?}");
    }
    Ok(())
}

pub(crate) fn a_path_that_is_no_text_is_no_obstacle() -> Result<()> {
    let stack = Stack::new()?;
    let policy = OsStr::from_bytes(b"\xff");
    let lacking = stack.rskopeo("--policy").arg(policy).arg("copy");
    lacking
        .exits(1)?
        .complains("Exactly two arguments expected")?;
    Ok(())
}

pub(crate) fn copy_to_a_directory() -> Result<()> {
    let stack = Stack::new()?;
    stack
        .rskopeo(&format!("copy {} dir:fedora-24", stack.remote("fedora:24")))
        .ok()?;
    let dir = stack.scratch.path("fedora-24");
    ensure!(fs::read_to_string(dir.join("version"))? == "Directory Transport Version: 1.1\n");
    let image = Image::fedora()?;
    ensure!(fs::read(dir.join("manifest.json"))? == image.manifest.bytes);
    for blob in image.layers.iter().chain([&image.config]) {
        ensure!(fs::read(dir.join(&blob.hex))? == blob.bytes, "{}", blob.hex);
    }
    ensure!(fs::read_dir(dir)?.count() == 6, "only these files");
    Ok(())
}

pub(crate) fn copy_to_a_layout() -> Result<()> {
    let stack = Stack::new()?;
    stack
        .rskopeo(&format!(
            "copy {} oci:alpine:latest",
            stack.remote("alpine:latest")
        ))
        .ok()?;
    let layout = stack.scratch.path("alpine");
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
    let image = Image::alpine()?;
    let entry = &index["manifests"][0];
    ensure!(entry["digest"] == image.digest().as_str(), "{index}");
    ensure!(
        entry["annotations"]["org.opencontainers.image.ref.name"] == "latest",
        "{index}"
    );
    for blob in image.blobs() {
        ensure!(hex(&fs::read(layout.join("blobs/sha256").join(&blob.hex))?) == blob.hex);
    }
    Cmd::new(peer("skopeo")?)
        .dir(stack.scratch.path(""))
        .words("inspect oci:alpine:latest")
        .ok()?;
    Ok(())
}

/// registry ▸ oci ▸ dir ▸ registry: the manifest's bytes stay what they were.
pub(crate) fn copy_and_back_keeps_the_digest() -> Result<()> {
    let stack = Stack::new()?;
    let copies = [
        (stack.remote("fedora:24"), "oci:there:24".to_owned()),
        ("oci:there:24".to_owned(), "dir:flat".to_owned()),
        ("dir:flat".to_owned(), stack.remote("copies/fedora:back")),
    ];
    for (from, to) in copies {
        stack.rskopeo(&format!("copy {from} {to}")).ok()?;
    }
    let said = stack
        .rskopeo(&format!("inspect {}", stack.remote("copies/fedora:back")))
        .ok()?
        .json()?;
    ensure!(
        said["Digest"] == Image::fedora()?.digest().as_str(),
        "{said}"
    );
    Ok(())
}

pub(crate) fn archives_are_read_by_skopeo() -> Result<()> {
    let stack = Stack::new()?;
    let skopeo = |line: &str| {
        Ok::<_, tests::Error>(
            Cmd::new(peer("skopeo")?)
                .dir(stack.scratch.path(""))
                .words(line),
        )
    };
    for archive in [
        "docker-archive:docker.tar:example.org/fedora:24",
        "oci-archive:oci.tar:24",
    ] {
        stack
            .rskopeo(&format!("copy {} {archive}", stack.remote("fedora:24")))
            .ok()?;
        let theirs = skopeo(&format!("inspect --config {archive}"))?
            .ok()?
            .json()?;
        let ours = stack
            .rskopeo(&format!("inspect --config {archive}"))
            .ok()?
            .json()?;
        ensure!(ours == theirs, "{archive}: {ours} in place of {theirs}");
        ensure!(ours["config"]["WorkingDir"] == "/opt/data", "{ours}");
    }
    Ok(())
}

pub(crate) fn list_tags() -> Result<()> {
    let stack = Stack::new()?;
    let said = stack
        .rskopeo(&format!("list-tags {}", stack.remote("fedora")))
        .ok()?
        .json()?;
    ensure!(
        said["Repository"] == format!("{}/fedora", stack.registry.address).as_str(),
        "{said}"
    );
    ensure!(said["Tags"] == serde_json::json!(["24"]), "{said}");
    Ok(())
}

pub(crate) fn a_shell_from_an_image_without_an_engine() -> Result<()> {
    let stack = Stack::new()?;
    stack
        .rskopeo(&format!(
            "copy {} oci:alpine:latest",
            stack.remote("alpine:latest")
        ))
        .ok()?;
    stack.rskopeo("unpack oci:alpine:latest bundle").ok()?;
    let config = stack.scratch.path("bundle/config.json");
    let mut spec: Value = serde_json::from_slice(&fs::read(&config)?)?;
    ensure!(
        spec["process"]["args"] == serde_json::json!(["/bin/sh"]),
        "{spec}"
    );
    spec["process"]["terminal"] = false.into();
    fs::write(&config, spec.to_string())?;
    let run = stack.rrunc(&format!("run -b bundle {}", stack.scratch.id("c1")));
    run.stdin(". /etc/os-release; echo $ID; exit 3\n")
        .exits(3)?
        .is("alpine")?;
    Ok(())
}

pub(crate) fn an_image_unpacks_with_its_whiteouts() -> Result<()> {
    let stack = Stack::new()?;
    stack
        .rskopeo(&format!("copy {} oci:fedora:24", stack.remote("fedora:24")))
        .ok()?;
    stack.rskopeo("unpack oci:fedora:24 bundle").ok()?;
    let rootfs = stack.scratch.path("bundle/rootfs");
    let text = |path: &str| fs::read_to_string(rootfs.join(path)).with_context(|| path.to_owned());
    ensure!(text("etc/os-release")?.contains("fedora"));
    ensure!(text("opt/data/new")? == "new\n");
    for gone in [
        "etc/motd",
        "opt/data/old",
        "etc/.wh.motd",
        "opt/data/.wh..wh..opq",
    ] {
        ensure!(!rootfs.join(gone).exists(), "{gone} is there");
    }
    Ok(())
}
