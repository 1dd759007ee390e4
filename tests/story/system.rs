//! All nouns at once: what they take, what is damaged, and their end.

use std::fs;

use tests::{Context, Result, Stack, ensure, peer};

pub(crate) fn usage_and_prune() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --name one --network none -v data:/data alpine sh -c")
        .arg("echo 12345 > /file; echo 1 > /data/x")
        .ok()?;
    stack.rpod("volume create unused").ok()?;
    stack.rpod("tag alpine other:1").ok()?;
    let usage = stack.rpod("system df --format json").ok()?;
    let rows = usage.json()?;
    ensure!(
        rows[0]["Type"] == "Images" && rows[0]["Total"] == 2 && rows[0]["Active"] == 1,
        "{usage}"
    );
    ensure!(
        rows[1]["RawReclaimable"] == 6 && rows[1]["Reclaimable"] == "6B (100%)",
        "{usage}"
    );
    ensure!(rows[2]["Total"] == 2 && rows[2]["RawSize"] == 2, "{usage}");
    stack
        .rpod("system df -v")
        .ok()?
        .says("Images space usage:")?
        .says("VOLUME NAME")?;
    stack
        .rpod("system df -v --format json")
        .exits(125)?
        .complains("cannot combine --format and --verbose")?;
    stack
        .rpod("system prune")
        .stdin("n\n")
        .ok()?
        .says("- all dangling images")?;
    let pruned = stack.rpod("system prune --force --all --volumes").ok()?;
    pruned
        .says("Deleted Containers")?
        .says("unused")?
        .says("Deleted Images")?
        .says("Total reclaimed space: ")?;
    stack
        .rpod("system df --format")
        .arg("{{.Total}}")
        .ok()?
        .is("0\n0\n0")?;
    stack
        .rpod("system prune --external --all")
        .exits(125)?
        .complains("--external")?;
    Ok(())
}

pub(crate) fn damage_is_found_and_mended() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for name in ["whole", "damaged"] {
        stack
            .rpod(&format!("run --network none --name {name} alpine true"))
            .ok()?;
    }
    stack.rpod("volume create kept").ok()?;
    stack.rpod("system check").ok()?.is("")?;

    let root = stack.root();
    let id = stack.rpod("inspect --format {{.Id}} damaged").ok()?;
    fs::write(
        root.join("containers")
            .join(id.text().trim())
            .join("container.json"),
        "{",
    )?;
    fs::write(root.join("volumes/kept/_data/file"), "precious")?;
    fs::write(root.join("volumes/kept/volume.json"), "")?;
    let layer = fs::read_dir(root.join("layers"))?
        .next()
        .context("no layer")??
        .path();
    fs::write(layer.join("diff/bin/busybox"), "no program")?;
    fs::create_dir(root.join("layers/.tmp-half"))?;

    let found = stack.rpod("system check").exits(125)?;
    found
        .says("/bin/busybox: the content differs")?
        .says("container.json is damaged")?
        .says("Damaged volume kept")?
        .says(".tmp-half")?
        .complains("damage detected in local storage")?;
    // Quick looks at records alone.
    stack
        .rpod("system check --quick")
        .exits(125)?
        .hides("busybox")?;
    stack
        .rpod("system check --repair")
        .exits(125)?
        .says("Restored layer")?
        .says("Left damaged container")?;
    stack.rpod("start -a whole").ok()?;
    ensure!(fs::read_to_string(root.join("volumes/kept/_data/file"))? == "precious");
    stack
        .rpod("system check --force")
        .ok()?
        .says("Deleted damaged container")?;
    stack.rpod("system check").ok()?.is("")?;
    stack
        .rpod("run --name damaged --network none alpine true")
        .ok()?;
    Ok(())
}

pub(crate) fn damaged_images_go_and_lost_lists_come_back() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name user alpine").ok()?;
    let index = stack.root().join("images/index.json");
    fs::write(&index, "{\"schemaVersion\"")?;
    stack
        .rpod("images")
        .exits(125)?
        .complains("index.json is damaged")?;
    stack
        .rpod("system check --repair")
        .ok()?
        .says("Restored list of images: 1 images found among the blobs")?;
    stack.rpod("image exists alpine").ok()?;

    let digest = stack
        .rpod("inspect --type image --format {{.Digest}} alpine")
        .ok()?;
    let hex = digest
        .text()
        .trim()
        .trim_start_matches("sha256:")
        .to_owned();
    let blob = stack.root().join("images/blobs/sha256").join(&hex);
    fs::write(&blob, fs::read_to_string(&blob)? + " ")?;
    stack
        .rpod("system check --repair")
        .exits(125)?
        .says(format!("Damaged image sha256:{hex}"))?
        .says("containers use it")?;
    stack
        .rpod("system check --force")
        .ok()?
        .says(format!("Deleted damaged image sha256:{hex}"))?;
    stack.rpod("images -q").ok()?.is("")?;
    stack.rpod("container exists user").exits(1)?;
    Ok(())
}

pub(crate) fn reset_leaves_what_is_not_ours() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run -d --name runs --network none -v data:/data alpine sleep 1000")
        .ok()?;
    stack.rpod("pod create --infra=false --name group").ok()?;
    stack.rpod("network create net").ok()?;
    let foreign = stack.root().join("diary");
    fs::write(&foreign, "dear diary")?;
    stack
        .rpod("system reset")
        .stdin("no\n")
        .ok()?
        .says("WARNING! This will remove:")?;
    stack.rpod("container exists runs").ok()?;
    stack
        .rpod("system reset --force")
        .ok()?
        .complains("diary: not made by rpod")?;
    let left: Vec<_> = fs::read_dir(stack.root())?.collect::<std::io::Result<_>>()?;
    ensure!(left.len() == 1 && foreign.exists(), "{left:?}");
    stack.rpod("ps -aq").ok()?.is("")?;
    stack.rpod("system renumber").ok()?;
    Ok(())
}

pub(crate) fn containers_pass_to_another_runtime() -> Result<()> {
    let runc = peer("runc")?;
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name one alpine echo ran").ok()?;
    stack
        .rpod("run -d --name two --network none --stop-timeout 0 alpine sleep 60")
        .ok()?;
    stack
        .rpod("system migrate --new-runtime nothing")
        .exits(125)?
        .complains("nothing")?;
    stack.rpod("system migrate --new-runtime runc").ok()?;
    stack
        .rpod("inspect one two --format")
        .arg("{{.OCIRuntime}} {{.State.Running}}")
        .ok()?
        .is(format!("{0} false\n{0} false", runc.display()))?;
    stack.rpod("start -a one").ok()?.is("ran")?;
    stack.rpod("start two").ok()?;
    stack.rpod("rm -f -t 0 two").ok()?;
    Ok(())
}

pub(crate) fn connections_are_podmans() -> Result<()> {
    let stack = Stack::new()?;
    let file = stack.scratch.path("connections.json");
    let rpod = |line: &str| {
        stack
            .rpod(&format!("system connection {line}"))
            .env("PODMAN_CONNECTIONS_CONF", &file)
    };
    rpod("add qa ssh://root@server.example.com:2222").ok()?;
    rpod("add --default local unix:///run/podman/podman.sock").ok()?;
    rpod("list --format")
        .arg("{{.Name}} {{.URI}} {{.Default}}")
        .ok()?
        .says("qa ssh://root@server.example.com:2222/run/podman/podman.sock false")?
        .says("local unix:///run/podman/podman.sock true")?;
    rpod("rename qa test").ok()?;
    rpod("default test").ok()?;
    let kept: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
    ensure!(
        kept["Connection"]["Default"] == "test"
            && kept["Connection"]["Connections"]["local"]["URI"]
                == "unix:///run/podman/podman.sock",
        "{kept}"
    );
    rpod("remove qa").ok()?;
    rpod("add bad http://x")
        .exits(125)?
        .complains("not a supported scheme")?;
    rpod("rm --all").ok()?;
    rpod("ls -q").ok()?.is("")?;
    Ok(())
}

pub(crate) fn a_near_name_is_suggested() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name database alpine").ok()?;
    stack.rpod("volume create storage").ok()?;
    for (line, hint) in [
        ("start databsae", "(did you mean \"database\"?)"),
        ("volume inspect storge", "(did you mean \"storage\"?)"),
        ("image inspect apline", "(did you mean \"alpine\"?)"),
        ("network inspect podmna", "(did you mean \"podman\"?)"),
        ("imags", "Did you mean this?"),
    ] {
        stack.rpod(line).exits(125)?.complains(hint)?;
    }
    Ok(())
}

/// The list is of what will be there: nothing of it is looked for on this host.
pub(crate) fn connections_are_noted_as_they_are_told() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let file = stack.scratch.path("connections.json");
    let rpod = |line: &str| stack.rpod(line).env("PODMAN_CONNECTIONS_CONF", &file);
    rpod("system connection add --identity ~/not/there one ssh://root@there:2222").ok()?;
    rpod("system connection add two --socket-path /run/other.sock unix:///run/podman.sock").ok()?;
    rpod("system connection add --tls-ca not-there.pem three tcp://there:8888/behind/a/proxy")
        .ok()?;
    rpod("system connection list --format {{.URI}}={{.Identity}}={{.TLSCA}}")
        .ok()?
        .is(
            "ssh://root@there:2222/run/podman/podman.sock=~/not/there=\n\
             tcp://there:8888/behind/a/proxy==not-there.pem\n\
             unix:///run/other.sock==",
        )?;
    rpod("system connection list --format tls")
        .ok()?
        .says("TLSCert")?
        .says("not-there.pem")?;
    for _ in 0..2 {
        rpod("system connection remove two").ok()?.is("")?;
    }
    rpod("system connection list --quiet")
        .ok()?
        .is("one\nthree")?;
    for (line, complaint) in [
        ("four tcp://there/8888", "tcp scheme requires a port"),
        (
            "four tcp://there:8888 --socket-path /run/a",
            "--socket-path option not supported for tcp scheme",
        ),
    ] {
        rpod(&format!("system connection add {line}"))
            .exits(125)?
            .complains(complaint)?;
    }
    Ok(())
}
