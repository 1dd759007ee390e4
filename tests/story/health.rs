//! Health checks.

use std::fs;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::{Context as _, Result, Stack, ensure, until};

pub(crate) fn a_container_is_told_well_or_not() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let check = "--health-cmd 'test -e /ok' --health-interval 300ms --health-retries 2";
    stack
        .rpod(&format!("run -d --name it {check} alpine sleep 300"))
        .ok()?;
    until("it is unhealthy", || Ok(status(&stack)? == "unhealthy"))?;
    let listed = stack.rpod("ps --filter health=unhealthy").ok()?;
    ensure!(listed.stdout.contains("(unhealthy)"), "{listed}");
    let asked = stack.rpod("healthcheck run it").exits(1)?;
    ensure!(asked.text() == "unhealthy", "{asked}");
    stack.rpod("healthcheck run --ignore-result it").ok()?;
    stack.rpod("exec it touch /ok").ok()?;
    stack.rpod("wait --condition healthy it").ok()?;
    stack.rpod("healthcheck run it").ok()?;
    let kept =
        "{{len .State.Health.Log}} {{.State.Health.FailingStreak}} {{.Config.Healthcheck.Retries}}";
    let inspected = stack.rpod("inspect it --format").arg(kept).ok()?;
    ensure!(inspected.text() == "5 0 2", "{inspected}");
    let alias = "inspect it --format {{.State.Healthcheck.Status}}";
    stack.rpod(alias).ok()?.is("healthy")?;
    // Its check goes with the container, which does not make it unhealthy.
    stack
        .rpod(
            "run -d --name gone --health-cmd 'sleep 60' --health-interval disable alpine sleep 300",
        )
        .ok()?;
    let streak = || {
        stack
            .rpod("inspect failing --format {{.State.Health.FailingStreak}}")
            .ok()
    };
    stack
        .rpod("run -d --name failing --health-cmd false --health-interval disable alpine sleep 300")
        .ok()?;
    stack.rpod("healthcheck run failing").exits(1)?;
    streak()?.is("1")?;
    stack.rpod("restart -t 0 failing").ok()?;
    streak()?.is("0")?;
    let check = stack.rpod("healthcheck run gone");
    let checking = std::thread::spawn(move || check.run());
    until("the check runs", || {
        Ok(stack.rpod("top gone").ok()?.stdout.contains("sleep 60"))
    })?;
    stack.rpod("stop -t 1 gone").ok()?;
    let said = checking.join().ok().context("the check panicked")??;
    ensure!(said.code == 1 && said.text() == "stopped", "{said}");
    stack
        .rpod("inspect gone --format {{.State.Health.Status}}/{{.State.Health.FailingStreak}}")
        .ok()?
        .is("stopped/0")?;
    stack.rpod("run -d --name none alpine sleep 300").ok()?;
    stack
        .rpod("healthcheck run none")
        .exits(125)?
        .complains("has no defined healthcheck")?;
    stack.rpod("rm -fa -t0").ok()?;
    Ok(())
}

pub(crate) fn one_that_is_not_well_is_acted_upon() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let state = |name: &str| {
        let format = "{{.State.Status}} {{.State.ExitCode}}";
        let inspect = stack.rpod(&format!("inspect {name} --format")).arg(format);
        Ok::<_, tests::Error>(inspect.ok()?.text().to_owned())
    };
    for (action, end) in [("kill", "exited 137"), ("stop", "exited 5")] {
        let check = "--health-cmd 'exit 1' --health-interval 300ms --health-retries 1";
        let traps = "sh -c 'trap \"exit 5\" TERM; while :; do sleep 0.1; done'";
        stack
            .rpod(&format!(
                "run -d --name {action} {check} --health-on-failure {action} alpine {traps}"
            ))
            .ok()?;
        until(action, || Ok(state(action)? == end))?;
    }
    // One that is restarted all the time goes all the same.
    let check = "--health-cmd 'exit 1' --health-interval 50ms --health-retries 1";
    for _ in 0..5 {
        stack
            .rpod(&format!(
                "run -d --name again {check} --health-on-failure restart alpine sleep 300"
            ))
            .ok()?;
        stack.rpod("rm -f -t0 again").ok()?;
    }
    let slow =
        "--health-cmd 'echo hello; sleep 60' --health-timeout 500ms --health-interval disable";
    stack
        .rpod(&format!("run -d --name slow {slow} alpine sleep 300"))
        .ok()?;
    stack
        .rpod("healthcheck run slow")
        .exits(125)?
        .complains("exceeded timeout of 500ms")?;
    let format = "{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}";
    let said = stack.rpod("inspect slow --format").arg(format).ok()?;
    ensure!(said.text() == "-1 hello", "{said}");
    stack.rpod("rm -fa -t0").ok()?;
    Ok(())
}

pub(crate) fn a_killed_watcher_is_replaced() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let line = "run -d --health-cmd true --health-interval 1h alpine sleep 300";
    let id = stack.rpod(line).ok()?.text().to_owned();
    let noted = stack
        .scratch
        .path(format!("runroot/containers/{id}/health.pid"));
    let watcher = || -> Result<i32> {
        let note: serde_json::Value = serde_json::from_slice(&fs::read(&noted)?)?;
        let pid = note["pid"].as_i64().context("no pid")?;
        Ok(i32::try_from(pid)?)
    };
    until("somebody checks", || Ok(watcher().is_ok()))?;
    let first = watcher()?;
    kill(Pid::from_raw(first), Signal::SIGKILL)?;
    until("somebody else checks", || {
        stack.rpod("ps").ok()?;
        Ok(watcher()? != first)
    })?;
    let second = watcher()?;
    stack.rpod(&format!("rm -f -t0 {id}")).ok()?;
    until("nobody checks any more", || {
        Ok(kill(Pid::from_raw(second), None).is_err())
    })
}

fn status(stack: &Stack) -> Result<String> {
    let format = "{{.State.Health.Status}}";
    let inspect = stack.rpod("inspect it --format").arg(format);
    Ok(inspect.ok()?.text().to_owned())
}

/// Each of them sees its command end with the container, and each of them would note it.
pub(crate) fn checks_end_with_their_container() -> Result<()> {
    const CHECKS: usize = 4;
    let stack = Stack::with_alpine()?;
    let check = "--health-cmd 'mktemp /tmp/check.XXXXXX; sleep 60' --health-interval disable";
    stack
        .rpod(&format!("run -d --name it {check} alpine sleep 300"))
        .ok()?;
    let mut checks = Vec::new();
    for _ in 0..CHECKS {
        let mut command = stack.rpod("healthcheck run it").into_command();
        checks.push(
            command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()?,
        );
    }
    until("they run", || {
        let begun = stack
            .rpod("exec it sh -c 'ls /tmp/check.* | wc -l'")
            .run()?;
        Ok(begun.text() == CHECKS.to_string())
    })?;
    stack.rpod("stop -t 0 it").ok()?;
    for check in checks {
        let ended = check.wait_with_output()?;
        ensure!(
            ended.status.code() == Some(1)
                && ended.stdout == b"stopped\n"
                && ended.stderr.is_empty(),
            "{ended:?}"
        );
    }
    stack
        .rpod("inspect it --format {{.State.Health.Status}}")
        .ok()?
        .is("stopped")?;
    Ok(())
}
