//! Options that stand before the command, and what is there about every command: hooks, help, logins.

use std::fs;
use std::path::{Path, PathBuf};

use tests::registry::{Access, PASSWORD, Registry, USER};
use tests::{Cmd, Result, Stack, ensure};

fn script(stack: &Stack, name: &str, text: &str) -> Result<PathBuf> {
    stack.scratch.program(name, format!("#!/bin/sh\n{text}\n"))
}

fn describe(stack: &Stack, name: &str, hook: &Path, rest: &str) -> Result<()> {
    let hook = hook.display();
    let text = format!(r#"{{"version":"1.0.0","hook":{{"path":"{hook}"}},{rest}}}"#);
    fs::create_dir_all(stack.scratch.path("hooks"))?;
    stack.scratch.write(&format!("hooks/{name}.json"), &text)?;
    Ok(())
}

pub(crate) fn hooks_come_to_the_containers_they_match() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let seen = stack.scratch.path("seen");
    let before = script(&stack, "before", "sed s/COLOUR=red/COLOUR=green/")?;
    let hook = script(&stack, "hook", &format!("cat >>{}", seen.display()))?;
    describe(
        &stack,
        "10-before",
        &before,
        r#""when":{"annotations":{"^paint$":"."}},"stages":["precreate"]"#,
    )?;
    describe(
        &stack,
        "20-hook",
        &hook,
        r#""when":{"always":true},"stages":["createRuntime","poststop"]"#,
    )?;
    let hooks = stack.scratch.path("hooks");
    let run = |options: &str| -> Cmd {
        let line = format!(
            "--hooks-dir {} run --rm -e COLOUR=red {options} alpine sh -c 'echo $COLOUR'",
            hooks.display()
        );
        stack.rpod(&line)
    };
    run("").ok()?.says("red")?;
    ensure!(
        fs::read_to_string(&seen)?.contains(r#""status":"#),
        "the hook was told the container's state"
    );
    run("--annotation paint=yes").ok()?.says("green")?;
    script(&stack, "before", "exit 3")?;
    run("--annotation paint=yes")
        .exits(126)?
        .complains("executing precreate hook")?;
    describe(&stack, "30-bad", &hook, r#""when":{},"stages":["later"]"#)?;
    run("").exits(126)?.complains("30-bad.json")?;
    ensure!(
        stack.rpod("ps -aq").ok()?.text().is_empty(),
        "nothing is left half-made"
    );
    Ok(())
}

pub(crate) fn directories_and_output_go_where_they_are_told() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let path = |name: &str| stack.scratch.path(name).display().to_string();
    let (out, volumes, tmp) = (path("out"), path("volumes"), path("tmp"));
    let globals = format!("--volumepath {volumes} --tmpdir {tmp}");
    let created = stack.rpod(&format!("--out {out} {globals} volume create data"));
    ensure!(created.ok()?.text().is_empty(), "the name went to the file");
    ensure!(fs::read_to_string(&out)? == "data\n", "it did");
    stack
        .rpod(&format!(
            "{globals} run --rm -v data:/d alpine sh -c 'echo kept >/d/x'"
        ))
        .ok()?;
    ensure!(
        fs::read_to_string(Path::new(&volumes).join("data/_data/x"))? == "kept\n",
        "the volume is in --volumepath"
    );
    ensure!(
        Path::new(&tmp).join("events/events.log").exists(),
        "events are in --tmpdir"
    );
    // They may stand behind the command.
    stack
        .rpod(&format!("volume ls -q --volumepath {volumes}"))
        .ok()?
        .is("data")?;
    let silent = stack.rpod(&format!("--noout {globals} volume ls")).ok()?;
    ensure!(silent.text().is_empty(), "{silent}");
    stack
        .rpod("ps")
        .env("CONTAINER_HOST", "ssh://elsewhere")
        .exits(125)?
        .complains("CONTAINER_HOST")?;
    stack
        .rpod("ps")
        .env("STORAGE_DRIVER", "vfs")
        .exits(125)?
        .complains("STORAGE_DRIVER")?;
    Ok(())
}

pub(crate) fn help_is_the_commands() -> Result<()> {
    let stack = Stack::new()?;
    let asked = stack.rpod("help pod create").ok()?;
    ensure!(
        asked.text() == stack.rpod("pod create --help").ok()?.text()
            && asked
                .text()
                .contains("\nUsage:\n  rpod pod create [options]"),
        "{asked}"
    );
    stack
        .rpod("pod")
        .exits(125)?
        .complains("missing command 'rpod pod COMMAND'")?;
    Ok(())
}

/// Nothing is begun whose passwords are not to be had.
pub(crate) fn a_missing_authfile_is_told_at_once() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let address = &stack.registry.address;
    for line in [
        "pull --authfile /nope alpine",
        "push --authfile /nope alpine ADDRESS/alpine",
        "run --authfile /nope alpine true",
        "create --authfile /nope alpine true",
        "search --authfile /nope ADDRESS/alpine",
        "auto-update --authfile /nope",
        "container runlabel --authfile /nope run alpine",
        "manifest add --authfile /nope list alpine",
        "manifest inspect --authfile /nope list",
        "manifest push --authfile /nope list docker://ADDRESS/list",
        "artifact pull --authfile /nope ADDRESS/alpine",
        "image sign --authfile /nope --sign-by me docker://ADDRESS/alpine",
    ] {
        let failed = stack.rpod(&line.replace("ADDRESS", address)).exits(125)?;
        ensure!(
            failed.stderr
                == "Error: credential file is not accessible: faccessat /nope: no such file or directory\n",
            "{failed}"
        );
    }
    stack.rpod("ps -aq").ok()?.is("")?;
    stack
        .rpod(&format!("pull --authfile= {address}/alpine:latest"))
        .ok()?;
    Ok(())
}

pub(crate) fn a_login_lasts_until_the_logout() -> Result<()> {
    let stack = Stack::new()?;
    let registry = Registry::start(&stack.scratch, Access::TlsAndPassword)?;
    let auth = stack.scratch.path("auth.json").display().to_string();
    let options = format!(
        "--authfile {auth} --cert-dir {}",
        registry.certificates.display()
    );
    let address = &registry.address;
    stack
        .rpod(&format!("login {options} -u {USER} -p wrong {address}"))
        .exits(125)?;
    stack.scratch.write("password", PASSWORD)?;
    let file = stack.scratch.path("password").display().to_string();
    stack.rpod(&format!("secret create {USER} {file}")).ok()?;
    stack
        .rpod(&format!("login {options} --secret {USER} {address}"))
        .ok()?
        .says("Login Succeeded!")?;
    let who = format!("login --authfile {auth} --get-login {address}");
    stack.rpod(&who).ok()?.says(USER)?;
    stack
        .rpod(&format!("logout --authfile {auth} {address}"))
        .ok()?;
    stack.rpod(&who).exits(125)?;
    Ok(())
}

pub(crate) fn as_much_is_told_as_was_asked_for() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let run = |level: &str| {
        let line = format!("{level} run --rm -it --network none alpine true");
        stack.rpod(&line).ok()
    };
    let plain = run("")?;
    plain.complains("level=warning msg=\"The input device is not a TTY")?;
    ensure!(!plain.stderr.contains("level=debug"), "{plain}");
    let quiet = run("--log-level error")?;
    ensure!(quiet.stderr.is_empty(), "{quiet}");
    let told = run("--log-level debug")?;
    let runtime = stack.parts.runtime.display().to_string();
    let starts =
        |line: &str| line.contains("level=debug msg=\"starting") && line.contains(&runtime);
    ensure!(told.stderr.lines().any(starts), "{told}");
    Ok(())
}

/// Whatever the way it is written, and what a template prints of a whole row are the keys of JSON.
pub(crate) fn json_is_asked_for_in_several_ways() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("volume create data").ok()?;
    stack.rpod("create --name one alpine").ok()?;
    stack.rpod("network create own").ok()?;
    for command in [
        "ps -a",
        "images",
        "volume ls",
        "network ls -f name=own",
        "inspect one",
        "version",
        "events --stream=false",
        "history alpine",
    ] {
        let ask = |format: &str| {
            let said = stack.rpod(command).arg("--format").arg(format).ok()?;
            Ok::<_, tests::Error>(said.text().to_owned())
        };
        let plain = ask("json")?;
        ensure!(plain.starts_with(['[', '{']), "{command}: {plain}");
        for format in [" json ", "{{json}}", "{{ json }}"] {
            ensure!(ask(format)? == plain, "{command} --format {format:?}");
        }
    }
    for (line, keys) in [
        (
            "events --stream=false -f event=create",
            "\"Name\":\"data\",\"Status\":\"create\",\"time\":",
        ),
        (
            "network ls -f name=own",
            "\"driver\":\"bridge\",\"network_interface\":",
        ),
    ] {
        let said = stack.rpod(line).args(["--format", "{{json .}}"]).ok()?;
        ensure!(said.text().contains(keys), "{said}");
    }
    stack.rpod("network rm own").ok()?;
    Ok(())
}

/// There is no server but the program itself.
pub(crate) fn client_and_server_are_of_one_version() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let version = stack.rpod("version --format {{.Client.Version}}").ok()?;
    stack
        .rpod("version --format {{.Server.Version}}")
        .ok()?
        .is(version.text())?;
    stack
        .rpod("version --format {{.Version}}")
        .ok()?
        .is(version.text())?;
    stack.rpod("version --format {{.Nothing}}").exits(125)?;
    Ok(())
}
