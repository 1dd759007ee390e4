//! What a unit that starts rpod hands to a container, and hears of it: sd_notify(3), sd_listen_fds(3).

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use tests::image::Image;
use tests::{Cmd, Result, Stack, ensure, peer, until};

/// Stands where systemd does: its socket, and what it has heard.
struct Unit {
    stack: Stack,
    socket: UnixDatagram,
    path: PathBuf,
}

impl Unit {
    fn new() -> Result<Unit> {
        let stack = Stack::with_alpine()?;
        let path = stack.scratch.path("notify");
        let socket = UnixDatagram::bind(&path)?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        Ok(Unit {
            stack,
            socket,
            path,
        })
    }

    fn start(&self, line: &str) -> Cmd {
        self.stack.rpod(line).env("NOTIFY_SOCKET", &self.path)
    }

    /// What has been said since it was last asked.
    fn heard(&self) -> Vec<String> {
        let mut all = self.heard_wholly();
        all.retain(|news| !news.starts_with("EXTEND_TIMEOUT"));
        all
    }

    /// Also that more time is needed.
    fn heard_wholly(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(size) = self.socket.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..size]);
            all.extend(text.lines().map(str::to_owned));
        }
        all
    }

    fn inspect(&self, format: &str) -> Result<String> {
        let inspect = self.stack.rpod("inspect it --format").arg(format);
        Ok(inspect.ok()?.text().to_owned())
    }
}

pub(crate) fn the_unit_is_ready_when_the_container_is_well() -> Result<()> {
    let unit = Unit::new()?;
    let check = "--health-cmd 'test -e /ok' --health-interval 200ms";
    let line = format!("run -d --name it --sdnotify healthy {check} alpine sleep 300");
    let started = unit.start(&line).start()?;
    until("the container runs", || {
        Ok(unit.stack.rpod("exec it true").run()?.code == 0)
    })?;
    let monitor = format!("MAINPID={}", unit.inspect("{{.State.ConmonPid}}")?);
    ensure!(unit.heard() == [monitor], "it is not ready yet");
    unit.stack.rpod("exec it touch /ok").ok()?;
    let ended = started.wait()?;
    ensure!(ended.code == 0, "{ended}");
    let heard = unit.heard();
    ensure!(heard.contains(&"READY=1".to_owned()), "{heard:?}");
    unit.stack.rpod("rm -f -t 0 it").ok()?;
    // Whoever is attached is not kept waiting.
    let attached = line.replacen("run -d", "run", 1);
    let attached = unit.start(&attached).start()?;
    until("the container runs", || {
        Ok(unit.stack.rpod("exec it true").run()?.code == 0)
    })?;
    ensure!(!unit.heard().contains(&"READY=1".to_owned()), "too early");
    unit.stack.rpod("exec it touch /ok").ok()?;
    until("the unit has heard it", || {
        Ok(unit.heard().contains(&"READY=1".to_owned()))
    })?;
    unit.stack.rpod("rm -f -t 0 it").ok()?;
    attached.wait()?;
    unit.start("run --rm --sdnotify healthy -d alpine true")
        .exits(125)?
        .complains("requires a healthcheck")?;
    Ok(())
}

pub(crate) fn the_unit_is_ready_when_the_container_says_so() -> Result<()> {
    let unit = Unit::new()?;
    unit.start("run -d --name it alpine sleep 300").ok()?;
    let monitor = format!("MAINPID={}", unit.inspect("{{.State.ConmonPid}}")?);
    ensure!(unit.heard() == [monitor], "only whose life it is");
    let told = "exec it grep -c NOTIFY_SOCKET=/run/notify/notify.sock /proc/1/environ";
    unit.stack.rpod(told).ok()?.is("1")?;
    let inside = format!(
        "/proc/{}/root/run/notify/notify.sock",
        unit.inspect("{{.State.Pid}}")?
    );
    // Nobody inside may say which process the unit's is, or keep descriptors with it.
    UnixDatagram::unbound()?.send_to(b"MAINPID=1\nREADY=1\nFDSTORE=1\nSTATUS=well", inside)?;
    let mut heard = Vec::new();
    until("the unit has heard it", || {
        heard.extend(unit.heard());
        Ok(heard.len() >= 2)
    })?;
    ensure!(heard == ["READY=1", "STATUS=well"], "{heard:?}");
    unit.stack.rpod("rm -f -t 0 it").ok()?;
    for (mode, ready) in [("conmon", true), ("ignore", false)] {
        unit.start(&format!(
            "run -d --name it --sdnotify {mode} alpine sleep 300"
        ))
        .ok()?;
        let heard = unit.heard();
        ensure!(
            heard.contains(&"READY=1".to_owned()) == ready,
            "{mode}: {heard:?}"
        );
        ensure!(heard.is_empty() != ready, "{mode}: {heard:?}");
        unit.stack.rpod("rm -f -t 0 it").ok()?;
    }
    Ok(())
}

/// Pulling takes as long as it takes; whose life it is comes next, and that it is ready last.
pub(crate) fn more_time_is_asked_for_before_it_is_ready() -> Result<()> {
    let unit = Unit::new()?;
    let image = unit.stack.remote("alpine:latest");
    unit.start(&format!(
        "run -d --name it --sdnotify conmon --pull always --tls-verify=false {image} sleep 300"
    ))
    .ok()?;
    let monitor = unit.inspect("{{.State.ConmonPid}}")?;
    let heard = unit.heard_wholly();
    ensure!(
        heard
            == [
                "EXTEND_TIMEOUT_USEC=30000000".to_owned(),
                format!("MAINPID={monitor}"),
                "READY=1".to_owned()
            ],
        "{heard:?}"
    );
    unit.stack.rpod("rm -f -t 0 it").ok()?;
    Ok(())
}

/// `systemctl restart` of a unit that runs a container, played by a script: while the file is there, the unit does not start.
const SYSTEMCTL: &str = r#"#!/bin/sh
[ "$1 $3" = "restart app.service" ] || exit 9
[ ! -e BROKEN ] || { rm BROKEN; exit 1; }
exec START >/dev/null
"#;

pub(crate) fn a_newer_image_of_a_registry_restarts_the_unit() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let image = format!("{}/alpine:latest", stack.registry.address);
    let labels =
        "--label io.containers.autoupdate=registry --label PODMAN_SYSTEMD_UNIT=app.service";
    let start = stack.rpod(&format!(
        "run -d --replace --name app --network none {labels} --tls-verify=false {image} sleep 600"
    ));
    let start = start.into_command();
    let words = std::iter::once(start.get_program()).chain(start.get_args());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.display())).collect();
    let broken = stack.scratch.path("broken");
    let script = SYSTEMCTL.replace("BROKEN", &broken.display().to_string());
    stack
        .scratch
        .program("bin/systemctl", script.replace("START", &words.join(" ")))?;
    let update = |options: &str, says: &str| -> Result<()> {
        let line = format!(
            "auto-update --tls-verify=false --format '{{{{.Unit}}}} {{{{.Policy}}}} {{{{.Updated}}}}' {options}"
        );
        let update = stack.rpod(&line).programs(stack.scratch.path("bin"));
        update.ok()?.is(format!("app.service registry {says}"))?;
        Ok(())
    };
    let runs = || -> Result<String> {
        let inspect = stack.rpod("inspect app --format {{.Image}}").ok()?;
        Ok(inspect.text().to_owned())
    };
    Cmd::new(stack.scratch.path("bin/systemctl"))
        .args(["restart", "--", "app.service"])
        .ok()?;
    let first = runs()?;
    update("", "false")?;
    stack.registry.hold("alpine", "latest", &Image::fedora()?)?;
    update("--dry-run", "pending")?;
    ensure!(runs()? == first, "it was only asked what would be");
    // It does not start with what is new, and gets back what it had.
    std::fs::write(&broken, "")?;
    update("", "rolled back")?;
    ensure!(runs()? == first, "it runs with the image that failed");
    update("", "true")?;
    ensure!(runs()? != first, "it runs with the old image");
    update("", "false")?;
    // Without a unit there is nothing to restart.
    stack
        .rpod(&format!(
            "run -d --network none --label io.containers.autoupdate=registry {image} sleep 600"
        ))
        .ok()?;
    let said = stack.rpod("auto-update --tls-verify=false").exits(125)?;
    said.complains("no PODMAN_SYSTEMD_UNIT label found")?;
    Ok(())
}

/// Python takes systemd's part: it listens at descriptor 3 and becomes the unit's command.
const LISTEN: &str = r#"
import os, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
os.dup2(listener.fileno(), 9)
os.dup2(9, 3)
os.close(9)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="door")
os.execvp(sys.argv[1], sys.argv[1:])
"#;

pub(crate) fn a_units_sockets_reach_the_container() -> Result<()> {
    let python = peer("python3")?;
    let stack = Stack::with_alpine()?;
    let ask = "echo $LISTEN_FDS $LISTEN_FDNAMES $((LISTEN_PID == $$)); readlink /proc/$$/fd/3; ls /proc/$$/fd | wc -l";
    let line = format!("run --rm --network none alpine sh -c '{ask}'");
    let python = python.display().to_string();
    let seen = stack.rpod(&line).through(&python, &["-c", LISTEN]).ok()?;
    ensure!(seen.stdout.starts_with("1 door 1\nsocket:["), "{seen}");
    // A number in the environment gives the container nothing that rpod has opened by itself.
    let claim = "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"";
    let refused = stack.rpod(&line).through("sh", &["-c", claim, "sh"]);
    refused
        .exits(126)?
        .complains("not all of the descriptors")?;
    // Nothing is there of them for who was not started by a unit, whose number another process has.
    let others = stack
        .rpod(&line)
        .env("LISTEN_FDS", "1")
        .env("LISTEN_PID", "1");
    let seen = others.run()?;
    ensure!(
        !seen.stdout.contains("door") && !seen.stdout.contains("socket:"),
        "{seen}"
    );
    Ok(())
}
