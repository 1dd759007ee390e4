//! What `generate spec` prints is what podman's API takes.

use tests::monitor::eventually;
use tests::{Cmd, Context as _, Result, ensure, peer};

use crate::both::Both;

/// Asked of a container that podman's service has made, of the same options as rpod's.
const SHOWN: &str = "{{.Config.Cmd}} {{.Config.User}} {{.Config.WorkingDir}} {{.Config.Hostname}} \
    {{.Config.Labels.l}} {{.Config.Annotations.x}} {{.HostConfig.Memory}} {{.HostConfig.CapAdd}} \
    {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.NetworkMode}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.ExtraHosts}} \
    {{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}} {{.RW}};{{end}}";

pub(crate) fn podmans_api_takes_generated_specs() -> Result<()> {
    let curl = peer("curl")?;
    let both = Both::new()?;
    let options = "--memory 64m -v /tmp:/mnt -v vol:/v:ro --tmpfs /t -e A=B --label l=m --cap-add SYS_ADMIN --annotation x=y \
        --hostname h --user 5 -w /tmp --ulimit nofile=100:100 --device /dev/null --entrypoint /bin/sh --restart always \
        --network none --health-cmd true --stop-signal 9 --read-only --add-host a:1.2.3.4";
    let line = format!("create --name made {options} alpine -c ls");
    both.ours.rpod(&line).ok()?;
    let spec = both.ours.rpod("generate spec made").ok()?.json()?;
    ensure!(spec["name"] == "made-clone", "{spec}");
    let same = both.ours.rpod("generate spec --name=false made").ok()?;
    ensure!(same.json()?["name"] == "made");
    let mut spec = spec;
    // The one thing that the other store has not.
    spec["image"] = format!("{}/alpine:latest", both.theirs.registry.address).into();
    let file = both.theirs.scratch.path("spec.json");
    std::fs::write(&file, spec.to_string())?;

    let socket = both.theirs.scratch.path("podman.sock");
    let service = both
        .theirs
        .rpod(&format!(
            "system service --time 30 unix://{}",
            socket.display()
        ))
        .start()?;
    eventually("podman's service listens", || socket.exists())?;
    let url = "http://d/v4.0.0/libpod/containers/create";
    let made = Cmd::new(curl)
        .args(["--silent", "--fail-with-body", "--unix-socket"])
        .arg(&socket)
        .args(["-H", "Content-Type: application/json", "--data"])
        .arg(format!("@{}", file.display()))
        .arg(url)
        .run()?;
    service.signal(nix::sys::signal::Signal::SIGTERM)?;
    service.wait()?;
    ensure!(made.code == 0, "{made}");
    let shown = |stack: &tests::Stack, name: &str| -> Result<String> {
        let inspect = stack.rpod(&format!("inspect {name} --format"));
        Ok(inspect.arg(SHOWN).ok()?.text().to_owned())
    };
    let theirs = shown(&both.theirs, "made-clone")?;
    let ours = shown(&both.ours, "made")?;
    // Each lists mounts in an order of its own.
    let sorted = |text: &str| -> Result<Vec<String>> {
        let (rest, mounts) = text.rsplit_once("] ").context("no mounts")?;
        let mut mounts: Vec<String> = mounts.split(';').map(str::to_owned).collect();
        mounts.push(rest.to_owned());
        mounts.sort();
        Ok(mounts)
    };
    ensure!(
        sorted(&theirs)? == sorted(&ours)?,
        "podman: {theirs}\nrpod: {ours}"
    );
    Ok(())
}

pub(crate) fn a_pods_spec_has_podmans_keys() -> Result<()> {
    let both = Both::new()?;
    let line = "pod create --name shared --label a=b --infra=false --memory 64m";
    both.ours
        .rpod("pod create --name shared --label a=b --share ipc,net")
        .ok()?;
    let spec = both.ours.rpod("generate spec --compact shared").ok()?;
    ensure!(spec.stdout.lines().count() == 1, "{spec}");
    let spec = spec.json()?;
    ensure!(
        spec["name"] == "shared-clone" && spec["labels"]["a"] == "b",
        "{spec}"
    );
    ensure!(
        spec["shared_namespaces"] == serde_json::json!(["ipc", "net"]),
        "{spec}"
    );
    ensure!(
        spec["no_infra"].is_null() && spec["netns"]["nsmode"] == "none",
        "{spec}"
    );
    both.ours.rpod(&line.replace("shared", "apart")).ok()?;
    let file = both.ours.rpod("generate spec -f spec.json apart").ok()?;
    ensure!(file.text() == "spec.json", "{file}");
    let spec = std::fs::read(both.ours.scratch.path("spec.json"))?;
    let spec: serde_json::Value = serde_json::from_slice(&spec)?;
    ensure!(
        spec["no_infra"] == true && spec["resource_limits"]["memory"]["limit"] == 64 << 20,
        "{spec}"
    );
    both.ours
        .rpod("generate spec nobody")
        .exits(125)?
        .complains("could not find a pod or container with the id nobody")?;
    Ok(())
}
