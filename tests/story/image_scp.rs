//! `rpod image scp`: images from store to store.

use std::fs;

use tests::user::{Ranges, User};
use tests::{Cmd, Result, Stack, ensure};

/// Notes how it was called, and runs the remote command with a store of its own.
const SSH: &str = r#"#!/bin/sh
echo "$*" >>"$SCRATCH/ssh.log"
while [ "$1" != -- ]; do shift; done
[ "$3" = podman ] || exit 9
shift 3
exec "$RPOD" --root "$SCRATCH/other" --runroot "$SCRATCH/other-run" "$@"
"#;

fn with_ssh(stack: &Stack) -> Result<impl Fn(&str) -> Cmd> {
    stack.scratch.program("bin/ssh", SSH)?;
    Ok(move |line: &str| {
        stack
            .rpod(line)
            .programs(stack.scratch.path("bin"))
            .env("SCRATCH", stack.scratch.path(""))
            .env("RPOD", &stack.parts.engine)
            .env(
                "PODMAN_CONNECTIONS_CONF",
                stack.scratch.path("connections.json"),
            )
    })
}

pub(crate) fn an_image_goes_to_another_host_and_back() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let rpod = with_ssh(&stack)?;
    let add = "system connection add there ssh://me@example.com:2222/run/podman/podman.sock";
    rpod(add).ok()?;
    let image = format!("{}/alpine:latest", stack.registry.address);
    let id = |image: &str| -> Result<String> {
        let format = "image inspect --format {{.Id}}";
        Ok(rpod(&format!("{format} {image}")).ok()?.text().to_owned())
    };
    let before = id("alpine")?;
    let sent = rpod(&format!("image scp -q {image} there::")).ok()?;
    ensure!(sent.text() == format!("Loaded image: {image}"), "{sent}");
    rpod("rmi alpine").ok()?;
    let line = format!("image scp --format docker-archive there::{image} localhost/back:1");
    rpod(&line).ok()?;
    for name in [image.as_str(), "localhost/back:1"] {
        ensure!(
            id(name)? == before,
            "{name}: {} and not {before}",
            id(name)?
        );
    }
    let log = fs::read_to_string(stack.scratch.path("ssh.log"))?;
    let ssh = "-l me -p 2222 -- example.com podman image";
    ensure!(
        log.starts_with(&format!(
            "{ssh} load --quiet\n{ssh} save --format docker-archive {image}\n"
        )),
        "{log}"
    );
    rpod("image scp alpine there::localhost/named:1").ok()?;
    let log = fs::read_to_string(stack.scratch.path("ssh.log"))?;
    ensure!(log.ends_with("localhost/named:1\n"), "{log}");
    // A host that is no connection is taken by its name.
    rpod("image scp alpine elsewhere::")
        .ok()?
        .complains("Unknown connection name given")?;
    Ok(())
}

pub(crate) fn what_is_no_copy_is_refused() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let rpod = with_ssh(&stack)?;
    for (line, complaint) in [
        ("alpine", "must specify a destination: invalid argument"),
        (
            "there::",
            "a source image must be specified: invalid argument",
        ),
        ("--format oci-dir alpine there::", "oci-dir"),
        ("there::a;reboot", "no name of an image"),
        ("alpine -- -oProxyCommand=x::", "names no host"),
        ("alpine nobody-of-that-name@localhost::", "unknown user"),
    ] {
        let refused = rpod("image scp").words(line).without("SUDO_USER");
        refused.exits(125)?.complains(complaint)?;
    }
    ensure!(!stack.scratch.path("ssh.log").exists(), "ssh was started");
    Ok(())
}

pub(crate) fn root_gives_an_image_to_a_user() -> Result<()> {
    let mut stack = Stack::with_alpine()?;
    let user = User::new(&stack.scratch, "scp", Ranges::Some)?;
    // Programs that the user may start.
    stack.parts.engine = user.home.join("bin/rpod");
    let name = &user.name;
    let given = stack
        .rpod(&format!("image scp alpine {name}@localhost::"))
        .ok()?;
    ensure!(given.stdout.contains("Loaded image: "), "{given}");
    let listed = user.rpod("images --format {{.Repository}}").ok()?;
    ensure!(listed.stdout.contains("/alpine"), "{listed}");
    user.rpod("tag alpine localhost/mine:1").ok()?;
    stack
        .rpod(&format!("image scp {name}@localhost::localhost/mine:1"))
        .ok()?;
    stack.rpod("image exists localhost/mine:1").ok()?;
    Ok(())
}
