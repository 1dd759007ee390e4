//! What a container is given besides its image: accounts, descriptors, ports, a root file system of the host's.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use tests::{Cmd, Result, Stack, ensure, peer};

use crate::network::Town;

/// As a shell would start rpod with files at 3, 5 and 6.
fn with_files(stack: &Stack, line: &str) -> Result<Cmd> {
    stack.scratch.write("three", "third")?;
    stack.scratch.write("five", "fifth")?;
    stack.scratch.write("six", "sixth")?;
    let opened = r#"exec "$0" "$@" 3<three 5<five 6<six"#;
    Ok(stack.rpod(line).through("sh", &["-c", opened]))
}

pub(crate) fn descriptors_pass_through() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let read = r#"alpine sh -c 'cat <&3; cat <&5'"#;
    with_files(&stack, &format!("run --rm --preserve-fds 1 {read}"))?
        .exits(1)?
        .is("third")?;
    let some = r#"sh -c 'cat <&5; cat <&3; cat <&6 2>&1'"#;
    let said = with_files(&stack, &format!("run --rm --preserve-fd 5 alpine {some}"))?.run()?;
    ensure!(
        said.stdout.starts_with("fifth") && !said.stdout.contains("third"),
        "{said}"
    );
    ensure!(!said.stdout.contains("sixth"), "{said}");
    stack.rpod("run -d --name up alpine sleep 600").ok()?;
    for way in ["", "--no-session"] {
        with_files(&stack, &format!("exec {way} --preserve-fd 3,5 up {some}"))?
            .run()?
            .says("fifththird")?;
    }
    for (line, option) in [
        ("run --rm --preserve-fds 2 alpine true", "preserve-fds"),
        ("exec --preserve-fd 4 up true", "preserve-fd"),
    ] {
        with_files(&stack, line)?.exits(125)?.complains(format!(
            "file descriptor 4 is not available - the {option} option"
        ))?;
    }
    stack.rpod("exec --no-session up sh -c 'exit 7'").exits(7)?;
    stack
        .rpod("exec --no-session up /no/such/program")
        .exits(127)?;
    stack
        .rpod("exec -i --no-session up cat")
        .stdin("through")
        .ok()?
        .is("through")?;
    stack.rpod("rm -f -t 0 up").ok()?;
    Ok(())
}

pub(crate) fn a_directory_is_the_root() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name source alpine").ok()?;
    stack.rpod("export -o root.tar source").ok()?;
    let root = stack.scratch.path("tree");
    fs::create_dir(&root)?;
    Cmd::new(peer("tar")?)
        .arg("-C")
        .arg(&root)
        .args(["-xf", "root.tar"])
        .dir(stack.scratch.path(""))
        .ok()?;
    let write = "sh -c 'echo here > /note; cat /note'";
    stack
        .rpod(&format!("run --name over --rootfs tree:O {write}"))
        .dir(stack.scratch.path(""))
        .ok()?
        .is("here")?;
    ensure!(!root.join("note").exists(), "the directory was written to");
    stack.rpod("start -a over").ok()?.is("here")?;
    stack
        .rpod(&format!("run --rm --rootfs {} {write}", root.display()))
        .ok()?
        .is("here")?;
    ensure!(fs::read_to_string(root.join("note"))? == "here\n");
    stack
        .rpod("inspect -f {{.Rootfs}} over")
        .ok()?
        .is(root.to_string_lossy())?;
    stack
        .rpod("commit over changed")
        .exits(125)?
        .complains("cannot commit a container that uses an exploded rootfs")?;
    stack.rpod("export -o again.tar over").ok()?;
    // The owners on the disk are root's, and the container's root sees them as its own.
    let users = "--uidmap 0:100000:1000 --gidmap 0:100000:1000";
    let root = root.display();
    let mapped = stack
        .rpod(&format!(
            "run --rm {users} --rootfs {root}:idmap stat -c %u /bin"
        ))
        .run()?;
    ensure!(
        mapped.text() == "0" || mapped.stderr.contains("mapping its owners"),
        "{mapped}"
    );
    let mapped = stack
        .rpod("run --rm --rootfs")
        .arg(format!("{root}:idmap=uids=0-7-1;gids=0-8-1"))
        .words("stat -c %u:%g /bin")
        .run()?;
    ensure!(
        mapped.text() == "7:8" || mapped.stderr.contains("mapping its owners"),
        "{mapped}"
    );
    stack
        .rpod("run --rm --rootfs /no/such/directory true")
        .exits(125)?
        .complains("/no/such/directory")?;
    stack
        .rpod(&format!("run --rm --rootfs {root}"))
        .exits(127)?
        .complains("no command or entrypoint was given")?;
    stack
        .rpod(&format!("run --rm --rootfs {root}:idmap true"))
        .exits(126)?
        .complains("has no users of its own")?;
    Ok(())
}

pub(crate) fn ports_are_exposed() -> Result<()> {
    let town = Town::new()?;
    town.rpod("create --name base --expose 80 --expose 53/udp alpine")
        .ok()?;
    town.rpod("commit -q base web").ok()?;
    let told = town.rpod("inspect base").ok()?.json()?[0].clone();
    ensure!(
        told["Config"]["ExposedPorts"]["53/udp"].is_object()
            && told["NetworkSettings"]["Ports"]["80/tcp"].is_null()
            && told["HostConfig"]["PublishAllPorts"] == false,
        "{told}"
    );
    town.rpod("run -d --name all --network bridge -P --expose 81 -p 8053:53/udp web nc -ll -p 80 -e echo reached")
        .ok()?;
    let port = town.rpod("port all 80").ok()?;
    let port = port
        .text()
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .to_owned();
    ensure!(port != "80" && !port.is_empty(), "{port}");
    town.rpod("port all 53/udp").ok()?.is("0.0.0.0:8053")?;
    town.rpod("port all 81").ok()?;
    let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; cat <&3");
    let reached = town.host.run(Cmd::new("bash").args(["-c", &connect]));
    reached.ok()?.is("reached")?;
    town.rpod("run --rm -P --network none web true")
        .ok()?
        .complains("Port mappings have been discarded")?;
    town.rpod("create --expose 0 alpine")
        .exits(125)?
        .complains("port numbers must be between 1 and 65535 (inclusive), got 0")?;
    town.rpod("rm -f -t 0 all").ok()?;
    Ok(())
}

pub(crate) fn an_image_goes_with_its_container() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("tag alpine one").ok()?;
    stack.rpod("run --rmi one true").ok()?;
    stack.rpod("image exists one").exits(1)?;
    stack.rpod("image exists alpine").ok()?;
    stack.rpod("create --name keeper alpine").ok()?;
    stack.rpod("run --rmi alpine true").ok()?;
    stack.rpod("image exists alpine").ok()?;
    stack.rpod("rm keeper").ok()?;
    stack
        .rpod("run -d --rmi --name last alpine sleep 0.2")
        .ok()?;
    tests::until("the image to be gone", || {
        Ok(stack.rpod("images -q").ok()?.text().is_empty())
    })?;
    stack.rpod("ps -aq").ok()?.is("")?;
    Ok(())
}

pub(crate) fn what_few_ask_for() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --rm --personality LINUX32 alpine cat /proc/self/personality")
        .ok()?
        .is("00000008")?;
    let proxied = |options: &str| {
        let line = format!("run --rm {options} alpine env");
        let cmd = stack.rpod(&line).env("http_proxy", "http://proxy:3128");
        cmd.ok().map(|output| output.stdout)
    };
    ensure!(proxied("")?.contains("http_proxy=http://proxy:3128"));
    ensure!(!proxied("--http-proxy=false")?.contains("http_proxy"));
    ensure!(proxied("-e http_proxy=own")?.contains("http_proxy=own"));
    stack
        .rpod("run --rm --chrootdirs /srv/a --chrootdirs /srv/b alpine cat /srv/a/etc/hostname /srv/b/run/.containerenv")
        .ok()?;
    let profile = r#"LABEL io.containers.seccomp.profile={"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}"#;
    stack.rpod("create --name plain alpine").ok()?;
    stack
        .rpod("commit -q --change")
        .args([profile, "plain", "filtered"])
        .ok()?;
    stack.rpod("run --rm filtered mkdir /new").ok()?;
    stack
        .rpod("run --rm --seccomp-policy image filtered mkdir /new")
        .exits(1)?
        .complains("Operation not permitted")?;
    stack
        .rpod("create --seccomp-policy none alpine")
        .exits(125)?
        .complains("invalid seccomp policy")?;
    // A host without resctrl has no classes, and it is the runtime that says so.
    stack
        .rpod("create --name classed --rdt-class gold alpine true")
        .ok()?;
    stack
        .rpod("inspect -f {{.HostConfig.IntelRdtClosID}} classed")
        .ok()?
        .is("gold")?;
    if fs::metadata("/sys/fs/resctrl/schemata").map_or(true, |file| file.size() == 0) {
        let started = stack.rpod("start classed").run()?;
        ensure!(
            started.code != 0 && started.stderr.contains("RDT"),
            "{started}"
        );
    }
    Ok(())
}
