//! Limits of volumes and containers, where the disk keeps none. `tests/vm/stories/rpod-quota` has one that does.

use std::fs;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use tests::{Context as _, Result, Stack, ensure, skip};

pub(crate) fn a_limit_needs_a_disk_that_keeps_it() -> Result<()> {
    let stack = Stack::new()?;
    let root = stack.root();
    fs::create_dir(&root)?;
    let kind = Some("tmpfs");
    if mount(kind, &root, kind, MsFlags::empty(), None::<&str>).is_err() {
        return skip("no tmpfs can be mounted here");
    }
    let refused = everything_is_refused(&stack);
    umount2(&root, MntFlags::MNT_DETACH).context("unmounting the root")?;
    refused
}

fn everything_is_refused(stack: &Stack) -> Result<()> {
    const OF_VOLUMES: &str = "volume options size and inodes";
    const OF_CONTAINERS: &str = "storage options overlay.size and overlay.inodes";
    stack.pull("alpine:latest")?;
    let conf = "[storage.options.overlay]\nsize = \"1m\"\n";
    let conf = stack.scratch.write("storage.conf", conf)?;
    for (line, options) in [
        ("volume create -o o=size=1m v", OF_VOLUMES),
        ("volume create --opt inodes=9 v", OF_VOLUMES),
        (
            "run --name v --mount type=volume,src=v,dst=/v,volume-opt=o=size=1m alpine true",
            OF_VOLUMES,
        ),
        (
            "create --name v --storage-opt overlay.size=1m alpine true",
            OF_CONTAINERS,
        ),
        (
            "--storage-opt inodes=9 run --rm --name v -v anew:/v alpine true",
            OF_CONTAINERS,
        ),
    ] {
        stack
            .rpod(line)
            .exits(125)?
            .complains(format!(
                "Error: {options} not supported. Filesystem does not support Project Quota: "
            ))?
            .complains("is on tmpfs, which enforces none: mount XFS there with -o prjquota")?;
    }
    let configured = |line: &str| stack.rpod(line).env("CONTAINERS_STORAGE_CONF", &conf);
    configured("create --name v alpine true")
        .exits(125)?
        .complains(OF_CONTAINERS)?;
    configured("info --format '{{index .Store.GraphOptions \"overlay.size\"}}'")
        .ok()?
        .is("1048576")?;
    for directory in ["containers", "names", "volumes"] {
        let path = stack.root().join(directory);
        let left = fs::read_dir(&path).with_context(|| path.display().to_string())?;
        ensure!(left.count() == 0, "something is left of {directory}");
    }
    // What asks for none is made as ever, also where a directory of the host's own is the root.
    stack.rpod("volume create -o o=noquota v").ok()?.is("v")?;
    stack.rpod("run --rm -v v:/v alpine touch /v/file").ok()?;
    configured("pod create --network none v").ok()?;
    stack.rpod("pod rm -f v").ok()?;
    Ok(())
}
