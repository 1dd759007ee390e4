//! `docker-daemon:` images, with Docker's own daemon.

use tests::daemon::Daemon;
use tests::{Cmd, Result, Scratch, Stack, ensure, peer};

/// A registry's image goes to the daemon, comes back by name and by id, and is what it was.
pub(crate) fn images_move_to_a_docker_daemon_and_back() -> Result<()> {
    let stack = Stack::new()?;
    let client = peer("docker")?;
    let daemon = Daemon::docker(Scratch::new()?, &[])?;
    let host = format!("unix://{}", daemon.scratch.path("docker.sock").display());
    let docker = |line: &str| Cmd::new(&client).args(["--host", &host]).words(line);
    let image = stack.remote("alpine:latest");

    let to = format!("copy --dest-daemon-host {host} {image} docker-daemon");
    stack.rskopeo(&format!("{to}:alpine:moved")).ok()?;
    docker("images").ok()?.says("alpine")?.says("moved")?;
    let id = docker("inspect -f {{.Id}} alpine:moved").ok()?;
    let from = format!("copy --src-daemon-host {host} docker-daemon");
    stack
        .rskopeo(&format!("{from}:alpine:moved dir:by-name"))
        .ok()?;
    stack
        .rskopeo(&format!("{from}:{} dir:by-id", id.text()))
        .ok()?;
    let inspect = |what: &str| stack.rskopeo(&format!("inspect --config {what}"));
    let config = inspect(&image).ok()?.json()?;
    let there = format!("--daemon-host {host} docker-daemon:alpine:moved");
    for place in ["dir:by-name", "dir:by-id", &there] {
        let came = inspect(place).ok()?.json()?;
        ensure!(
            came["rootfs"] == config["rootfs"] && came["config"] == config["config"],
            "{place}: {came} in place of {config}"
        );
    }

    stack
        .rskopeo(&format!("{from}:alpine:missing dir:x"))
        .exits(1)?
        .complains("Error response from daemon")?;
    stack
        .rskopeo(&format!("{to}:alpine@sha256:{}", "0".repeat(64)))
        .exits(1)?
        .complains("a destination must be a name:tag")?;
    Ok(())
}
