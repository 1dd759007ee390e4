//! Checkpoints that go elsewhere: through an archive, as an image, into another pod.

use std::fs;

use tests::{Context as _, Result, ensure};

use crate::checkpoint::{CRIU, Saved};

pub(crate) fn a_checkpoint_goes_through_an_archive() -> Result<()> {
    let saved = Saved::new()?;
    saved
        .rpod("run -d --name it -v data:/data alpine sleep 300")
        .ok()?;
    let change = "mkdir /made; echo new >/made/file; rm -r /etc/passwd; echo kept >/data/x; echo shared >/dev/shm/s";
    saved.rpod("exec it sh -c").arg(change).ok()?;
    for (options, magic) in [
        ("", &[0x28, 0xb5, 0x2f, 0xfd][..]),
        ("--compress gzip --ignore-volumes", &[0x1f, 0x8b]),
        ("--compress none --ignore-rootfs", b"config.dump"),
    ] {
        let line = format!("container checkpoint --leave-running --export dump.tar {options} it");
        saved.rpod(&line).ok()?;
        let bytes = fs::read(saved.stack.scratch.path("dump.tar"))?;
        ensure!(bytes.starts_with(magic), "{options}");
        let names = saved.names("dump.tar")?;
        let has = |name: &str| names.iter().any(|found| found == name);
        for name in [
            "config.dump",
            "spec.dump",
            "checkpoint/inventory.img",
            "network.status",
            "devshm-checkpoint.tar",
        ] {
            ensure!(has(name), "{options}: no {name} in {names:?}");
        }
        ensure!(has("volumes/data.tar") != options.contains("volumes"));
        ensure!(has("rootfs-diff.tar") != options.contains("rootfs"));
    }
    ensure!(saved.runs("it")?);
    saved
        .rpod("container checkpoint --export dump.tar it")
        .ok()?;
    saved
        .rpod("container restore --import dump.tar --name copy")
        .exits(125)?
        .complains("volume with name data already exists")?;
    saved.rpod("rm it").ok()?;
    saved.rpod("volume rm data").ok()?;

    let said = saved
        .rpod("container restore --import dump.tar --keep")
        .ok()?;
    ensure!(saved.runs("it")?, "{said}");
    let id = saved.rpod("inspect --format {{.Id}} it").ok()?;
    let (root, id) = (saved.stack.root(), id.text());
    let files = root.join("containers").join(id).join("rootfs");
    let shm = saved
        .stack
        .scratch
        .path(format!("runroot/containers/{id}/shm/s"));
    for (path, content) in [
        (files.join("made/file"), "new"),
        (root.join("volumes/data/_data/x"), "kept"),
        (shm, "shared"),
    ] {
        let found = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        ensure!(found.trim() == content, "{}: {found}", path.display());
    }
    ensure!(!files.join("etc/passwd").exists());
    saved
        .rpod("container restore --import dump.tar --ignore-volumes")
        .exits(125)?
        .complains("exists already: give the restored one another name with --name")?;
    saved
        .rpod("container restore --import dump.tar --ignore-volumes --name copy")
        .ok()?;
    ensure!(saved.runs("copy")? && saved.runs("it")?);
    // One that cannot be restored is not left half-made.
    saved.stack.scratch.write(
        "bin/criu",
        CRIU.replace("inventory.img\" ]", "nothing.img\" ]"),
    )?;
    saved
        .rpod("container restore --import dump.tar --ignore-volumes --name other")
        .exits(125)?
        .complains("criu restore failed")?;
    saved.rpod("container exists other").exits(1)?;
    let left = fs::read_dir(saved.stack.root().join("checkpoints"))?;
    ensure!(left.count() == 0, "what was unpacked is left");
    Ok(())
}

pub(crate) fn a_checkpoint_is_an_image() -> Result<()> {
    let saved = Saved::running()?;
    saved
        .rpod("container checkpoint --create-image saved it")
        .ok()?;
    let prefix = "io.podman.annotations.checkpoint.";
    let shown = saved.rpod("image inspect saved").ok()?.json()?;
    let annotations = &shown[0]["Annotations"];
    ensure!(
        annotations[format!("{prefix}name")] == "it",
        "{annotations}"
    );
    ensure!(annotations[format!("{prefix}criu.version")] == "31701");
    ensure!(annotations[format!("{prefix}runtime.name")] == "rrunc");
    for name in ["one", "two"] {
        saved
            .rpod(&format!("container restore --name {name} saved"))
            .ok()?;
        ensure!(saved.runs(name)?);
    }
    saved
        .rpod("container restore alpine")
        .exits(125)?
        .complains("no such container")?;
    Ok(())
}

pub(crate) fn a_checkpoint_goes_into_another_pod() -> Result<()> {
    let saved = Saved::new()?;
    for pod in ["first", "second"] {
        saved.rpod(&format!("pod create --name {pod}")).ok()?;
    }
    saved.rpod("pod create --name apart --share net").ok()?;
    saved
        .rpod("run -d --pod first --name it alpine sleep 300")
        .ok()?;
    saved
        .rpod("container checkpoint --export dump.tar it")
        .ok()?;
    saved.rpod("pod rm -f -t0 first").ok()?;
    for (options, complaint) in [
        ("", "cannot restore pod container without --pod"),
        ("--pod apart", "does not share the IPC namespace"),
        ("--pod nobody", "no such pod"),
    ] {
        let line = format!("container restore --import dump.tar {options}");
        saved.rpod(&line).exits(125)?.complains(complaint)?;
    }
    saved
        .rpod("container restore --import dump.tar --pod second")
        .ok()?;
    ensure!(saved.runs("it")?);
    let second = saved.rpod("pod inspect --format {{.ID}} second").ok()?;
    let pod = saved.rpod("inspect --format {{.Pod}} it").ok()?;
    ensure!(pod.text() == second.text(), "{pod}");
    let log = saved.criu_log()?;
    let last = log.lines().last().unwrap_or_default();
    ensure!(last.contains("--join-ns ipc:"), "{last}");
    saved.rpod("pod rm -f -t0 --all").ok()?;
    Ok(())
}
