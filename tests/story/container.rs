//! The container noun: names, states, choosing several, waiting, removing.

use std::fs;

use tests::{Result, Stack, ensure, peer, until};

pub(crate) fn renamed() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("run -d --name old alpine sleep 600").ok()?;
    stack.rpod("create --name taken alpine").ok()?;
    stack
        .rpod("rename old taken")
        .exits(125)?
        .complains("name taken already in use")?;
    stack
        .rpod("rename old a/b")
        .exits(125)?
        .complains("names must match")?;
    stack.rpod("rename old new").ok()?.is("")?;
    stack.rpod("container exists old").exits(1)?;
    stack.rpod("container exists new").exits(0)?;
    stack.rpod("exec new true").ok()?;
    stack.rpod("create --name old alpine").ok()?;
    stack
        .rpod("ps -a --sort names --format {{.Names}}")
        .ok()?
        .is("new\nold\ntaken")?;
    stack.rpod("rm -f -t 0 new old taken").ok()?;
    Ok(())
}

/// What the runtime has forgotten, it is not asked about again.
pub(crate) fn the_runtime_is_called_no_more_than_needed() -> Result<()> {
    let mut stack = Stack::with_alpine()?;
    let calls = stack.scratch.path("calls");
    let noting = format!(
        "#!/bin/sh\nfor word; do case $word in create|start|kill|delete) echo $word >>{}; esac; done\nexec {} \"$@\"\n",
        calls.display(),
        stack.parts.runtime.display()
    );
    stack.parts.runtime = stack.scratch.program("noting", noting)?;
    stack.rpod("run --name gone alpine true").ok()?;
    // The cleaning that the monitor began may still go on.
    until("the container is cleared", || {
        Ok(fs::read_to_string(&calls)?.ends_with("delete\n"))
    })?;
    stack.rpod("rm gone").ok()?;
    stack.rpod("pod create --name group").ok()?;
    stack.rpod("pod start group").ok()?;
    stack.rpod("pod rm -f -t 0 group").ok()?;
    let calls = fs::read_to_string(&calls)?;
    let calls: Vec<&str> = calls.lines().collect();
    ensure!(
        calls
            == [
                "create", "start", "delete", "create", "start", "kill", "delete"
            ],
        "{calls:?}"
    );
    Ok(())
}

/// Commands without `--runtime` go on with the runtime that the container was created with.
pub(crate) fn a_container_keeps_its_runtime() -> Result<()> {
    let mut stack = Stack::with_alpine()?;
    let ours = std::mem::replace(&mut stack.parts.runtime, peer("runc")?);
    stack.rpod("create --name kept alpine sleep 600").ok()?;
    stack.parts.runtime = ours;
    stack.rpod("start kept").ok()?;
    stack.rpod("exec kept true").ok()?;
    stack.rpod("pause kept").ok()?;
    stack.rpod("unpause kept").ok()?;
    let named = stack.rpod("inspect --format {{.OCIRuntime}} kept").ok()?;
    ensure!(named.text().ends_with("/runc"), "{}", named.text());
    stack.rpod("kill kept").ok()?;
    stack.rpod("wait kept").ok()?.is("137")?;
    stack.rpod("rm kept").ok()?;
    Ok(())
}

pub(crate) fn initialized_then_started() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("create --name later alpine sh -c 'echo ran; exit 3'")
        .ok()?;
    stack.rpod("init later").ok()?.is("later")?;
    let state = stack.rpod("inspect later").ok()?.json()?[0]["State"].clone();
    ensure!(
        state["Status"] == "initialized" && state["Pid"].as_i64() > Some(0),
        "{state}"
    );
    stack.rpod("logs later").ok()?.is("")?;
    stack
        .rpod("init later")
        .exits(125)?
        .complains("has already been created in runtime")?;
    stack.rpod("init -a").ok()?;
    stack.rpod("start -a later").exits(3)?.is("ran")?;
    stack.rpod("init later").ok()?;
    stack.rpod("rm later").ok()?;
    stack.rpod("ps -aq").ok()?.is("")?;
    Ok(())
}

pub(crate) fn waited_for() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run -d --name brief alpine sh -c 'sleep 0.3; exit 4'")
        .ok()?;
    stack
        .rpod("wait --condition running brief")
        .ok()?
        .is("-1")?;
    stack
        .rpod("wait --condition exited --interval 20ms brief")
        .ok()?
        .is("4")?;
    stack.rpod("wait --latest").ok()?.is("4")?;
    stack.rpod("wait --ignore nobody").ok()?.is("-1")?;
    stack.rpod("run -d --name long alpine sleep 600").ok()?;
    stack
        .rpod("wait --exit-first-match long brief")
        .ok()?
        .is("4")?;
    stack
        .rpod("wait --condition flying brief")
        .exits(125)?
        .complains("unknown container state: flying")?;
    stack
        .rpod("wait --interval soon brief")
        .exits(125)?
        .complains("invalid duration")?;
    stack.rpod("rm -f -t 0 long brief").ok()?;
    Ok(())
}

pub(crate) fn removed_with_those_that_need_it() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("run -d --name base alpine sleep 600").ok()?;
    stack
        .rpod("create --name guest --network container:base alpine")
        .ok()?;
    stack
        .rpod("rm -f -t 0 base")
        .exits(125)?
        .complains("has dependent containers which must be removed before it")?;
    stack.rpod("rm base").exits(2)?;
    let gone = stack.rpod("rm -f -t 0 --depend base").ok()?;
    ensure!(gone.text().lines().count() == 2, "{}", gone.text());
    stack.rpod("ps -aq").ok()?.is("")?;
    stack
        .rpod("rm -t 0 base")
        .exits(125)?
        .complains("--force option must be specified")?;
    Ok(())
}

/// The size of an image is known before any of its layers is unpacked.
pub(crate) fn an_image_has_a_size_before_it_is_unpacked() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let size = || {
        Ok::<_, tests::Error>(
            stack
                .rpod("images --format {{.Size}}")
                .ok()?
                .text()
                .to_owned(),
        )
    };
    let before = size()?;
    let layers = stack.root().join("layers");
    if layers.exists() {
        fs::remove_dir_all(&layers)?;
    }
    ensure!(
        size()? == before && before.contains("MB"),
        "{before} became {}",
        size()?
    );
    Ok(())
}

pub(crate) fn clones_are_numbered() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name c alpine").ok()?;
    stack.rpod("container clone c").ok()?;
    stack.rpod("container clone c-clone").ok()?;
    stack.rpod("container exists c-clone1").ok()?;
    Ok(())
}

pub(crate) fn started_by_filter_or_all() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run -d --name runs --network none alpine sleep 600")
        .ok()?;
    // One that runs is not told of.
    stack.rpod("start --all").ok()?.is("")?;
    // What the filter does not choose is not started.
    stack.rpod("create --name other alpine true").ok()?;
    stack.rpod("start --filter name=other runs").ok()?.is("")?;
    Ok(())
}
