//! The tab key: what shells are told, and what they make of it.

use std::path::PathBuf;

use tests::{Cmd, Result, Stack, ensure, peer};

/// A program `rpod` that asks about this stack, in a directory of its own.
fn in_path(stack: &Stack) -> Result<PathBuf> {
    let script = format!(
        "#!/bin/sh\nask=$1; shift\ncase $ask in completion) exec {0} completion \"$@\";; esac\n\
         exec {0} $ask --root={1} --runroot={2} \"$@\"\n",
        stack.parts.engine.display(),
        stack.root().display(),
        stack.scratch.path("runroot").display(),
    );
    let program = stack.scratch.program("bin/rpod", script)?;
    Ok(program.parent().map(Into::into).unwrap_or_default())
}

fn asked(stack: &Stack, words: &[&str]) -> Result<String> {
    let answer = Cmd::new(&stack.parts.engine)
        .arg("__complete")
        .arg(format!("--root={}", stack.root().display()))
        .arg(format!(
            "--runroot={}",
            stack.scratch.path("runroot").display()
        ))
        .args(words)
        .ok()?;
    Ok(answer.text().to_owned())
}

pub(crate) fn what_there_is_is_told_to_shells() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name one alpine true").ok()?;
    stack.rpod("pod create --infra=false --name group").ok()?;
    stack.rpod("volume create data").ok()?;
    stack.rpod("network create --driver bridge lan").ok()?;
    for (words, expected) in [
        (&["po"][..], "pod\tManage pods"),
        (&["pod", "rm", ""], "group\tCreated"),
        (&["rm", ""], "one\t"),
        (&["stop", ""], ":4"),
        (&["run", ""], "/alpine:latest\t"),
        (&["run", "alp"], "alpine:latest\t"),
        (&["run", "--net"], "--network\t"),
        (&["run", "--network", "l"], "lan\tbridge"),
        (&["run", "--network=container:"], "container:one\t"),
        (&["run", "-v", "da"], "data\tlocal\n:0"),
        (&["ps", "--filter", "status="], "status=running"),
        (&["pod", "create", "--share", "ipc,n"], "ipc,net"),
        (&["exec", "--workdir", ""], ":16"),
        (&["kill", "-s", "SIGT"], "SIGTERM"),
        (&["update", "--restart", "unl"], "unless-stopped"),
        (&["help", "pod", "cr"], "create\t"),
        (&["inspect", "one", "-f", "{{.State.P"], "{{.State.Pid}}"),
        (&["image", "inspect", "-f", "{{.Dig"], "{{.Digest}}\n:6"),
        (&["ps", "--format", "t"], "table"),
    ] {
        let answer = asked(&stack, words)?;
        ensure!(answer.contains(expected), "{words:?}: {answer}");
    }
    Ok(())
}

pub(crate) fn paths_inside_are_told() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name one alpine true").ok()?;
    stack.scratch.write("new", "")?;
    stack.rpod("cp new one:/tmp/new").ok()?;
    for (words, expected) in [
        (&["run", "alpine", "/etc/pass"][..], "/etc/passwd\n:0"),
        (&["run", "alpine", "../../et"], "../../etc/\n:2"),
        (&["cp", ""], "one:\t"),
        (&["cp", "one:/tmp"], "one:/tmp/new\n:0"),
        (&["cp", "one:/tmp/none/x"], ":0"),
        (&["run", "no-such-image", "/etc"], ":0"),
    ] {
        let answer = asked(&stack, words)?;
        ensure!(answer.contains(expected), "{words:?}: {answer}");
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
    let place = stack.scratch.path("runroot/image-mounts");
    ensure!(!mounts.contains(&*place.to_string_lossy()), "{mounts}");
    Ok(())
}

/// bash gives a completion function the words parted at `:` and `=`, and puts its answers in the place of the last part.
pub(crate) fn bash_is_completed() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let script = "compopt() { :; }
        source <(rpod completion bash)
        COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=($2) COMP_TYPE=9
        [[ $1 == *' ' ]] && COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _rpod; printf '%s\\n' \"${COMPREPLY[@]}\"";
    for (line, parted, expected) in [
        ("rpod po", "rpod po", "pod\nport"),
        (
            "rpod run --netwo",
            "rpod run --netwo",
            "--network\n--network-alias",
        ),
        ("rpod ps --filter=sta", "rpod ps --filter = sta", "status="),
        (
            "rpod ps --filter status=ru",
            "rpod ps --filter status = ru",
            "running",
        ),
        ("rpod run alpine:la", "rpod run alpine : la", "latest"),
        ("rpod pod ", "rpod pod", "clone\ncreate\nexists"),
    ] {
        let said = Cmd::new(peer("bash")?)
            .programs(in_path(&stack)?)
            .args(["--norc", "-c", script, "bash", line, parted])
            .ok()?;
        ensure!(said.text().starts_with(expected), "{line}: {said}");
    }
    Ok(())
}

pub(crate) fn fish_is_completed() -> Result<()> {
    let fish = peer("fish")?;
    let stack = Stack::new()?;
    for (line, expected) in [
        ("rpod po", "pod\tManage pods"),
        ("rpod run --network=no", "--network=none"),
    ] {
        Cmd::new(&fish)
            .programs(in_path(&stack)?)
            .env("HOME", stack.scratch.path(""))
            .args(["--no-config", "-c"])
            .arg("rpod completion fish | source; complete -C $argv[1]")
            .arg(line)
            .ok()?
            .says(expected)?;
    }
    let script = stack.rskopeo("completion fish").ok()?;
    stack.scratch.write("rskopeo.fish", script.stdout)?;
    for (line, expected) in [
        ("rskopeo co", "copy\tCopy an IMAGE-NAME"),
        (
            "rskopeo --debug copy --dest-comp",
            "--dest-compress-format\t",
        ),
    ] {
        Cmd::new(&fish)
            .env("HOME", stack.scratch.path(""))
            .dir(stack.scratch.path(""))
            .args(["--no-config", "-c"])
            .arg("source rskopeo.fish; complete -C $argv[1]")
            .arg(line)
            .ok()?
            .says(expected)?;
    }
    Ok(())
}
