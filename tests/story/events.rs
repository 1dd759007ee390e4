//! Events: what commands write down, read back and followed.

use std::time::{Duration, Instant};

use tests::{Result, Stack, ensure};

const BRIEF: &str = "events --stream=false --format '{{.Type}} {{.Status}} {{.Name}}'";

pub(crate) fn a_container_tells_its_life() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let since = "events --stream=false --filter type=container --format '{{.Status}}'";
    stack
        .rpod("run --name one -l a=b --network none alpine true")
        .ok()?;
    stack.rpod("rename one two").ok()?;
    stack.rpod("start two").ok()?;
    stack.rpod("stop -t 0 two").ok()?;
    stack.rpod("rm two").ok()?;
    let told = stack.rpod(since).ok()?;
    let words: Vec<&str> = told.text().lines().collect();
    ensure!(
        words[..7]
            == [
                "create", "init", "start", "attach", "died", "cleanup", "rename"
            ],
        "{words:?}"
    );
    ensure!(
        words[7..9] == ["init", "start"] && words.last() == Some(&"remove"),
        "{words:?}"
    );
    // The names and shapes are podman's.
    let line = stack
        .rpod("events --stream=false --format json -f event=die -f label=a=b -f container=one")
        .ok()?;
    let event = line.json()?;
    ensure!(
        event["ContainerExitCode"] == 0
            && event["Image"]
                == stack
                    .remote("alpine:latest")
                    .trim_start_matches("docker://")
            && event["Attributes"]["a"] == "b"
            && event["timeNano"].is_u64(),
        "{line}"
    );
    stack
        .rpod("events --stream=false -f container=one -f event=create")
        .ok()?
        .says(" container create ")?
        .says("name=one, a=b)")?;
    Ok(())
}

pub(crate) fn every_noun_writes() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for line in [
        "tag alpine other:1",
        "untag other:1 other:1",
        "volume create data",
        "volume rm data",
        "pod create --infra=false --name group",
        "pod rm group",
    ] {
        stack.rpod(line).ok()?;
    }
    stack.rpod("pull localhost:1/nothing").exits(125)?;
    let told = stack.rpod(BRIEF).ok()?;
    for line in [
        "image tag other:1",
        "image untag localhost/other:1",
        "volume create data",
        "volume remove data",
        "pod create group",
        "pod remove group",
        "image pull-error localhost:1/nothing",
    ] {
        told.says(line)?;
    }
    stack
        .rpod("events --stream=false --since 10m --until 5m -f type=volume")
        .ok()?
        .says("volume create data")?;
    stack
        .rpod("events --stream=false --since 2100-01-01")
        .ok()?
        .is("")?;
    stack
        .rpod("events --filter colour=red")
        .exits(125)?
        .complains("colour is an invalid filter")?;
    Ok(())
}

pub(crate) fn events_are_followed() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("volume create before").ok()?;
    let began = Instant::now();
    let following = stack
        .rpod("events --until 4s --since 0s -f type=volume --format '{{.Name}}'")
        .start()?;
    std::thread::sleep(Duration::from_secs(1));
    stack.rpod("volume create after").ok()?;
    let told = following.wait()?;
    ensure!(told.text().trim() == "after", "{told}");
    ensure!(began.elapsed() >= Duration::from_secs(3), "it ended early");
    Ok(())
}

pub(crate) fn the_driver_is_chosen() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("--events-backend none volume create silent")
        .ok()?;
    stack
        .rpod("events --stream=false -f volume=silent")
        .ok()?
        .is("")?;
    stack
        .rpod("--events-backend none events")
        .exits(125)?
        .complains("\"none\" backend")?;
    stack
        .rpod("--events-backend none info --format")
        .arg("{{.Host.EventLogger}}")
        .ok()?
        .is("none")?;
    // What cannot be written is told, and undoes nothing.
    stack
        .rpod("--events-backend journald volume create told")
        .ok()?;
    stack.rpod("volume exists told").ok()?;
    Ok(())
}
