//! What podman does through its monitor once a container runs.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use tests::{Context as _, Result, Stack, ensure, skip};

pub(crate) fn attach(podman: &Stack) -> Result<()> {
    podman
        .rpod("run -d --name late alpine sh -c 'sleep 1; echo said; echo failed >&2; exit 3'")
        .ok()?;
    // podman before 5 does not pass the code on.
    let attached = podman.rpod("attach --no-stdin late").run()?;
    attached.is("said")?.complains("failed")?;
    podman
        .rpod("create -i --name reader alpine sh -c 'cat; exit 4'")
        .ok()?;
    let started = podman
        .rpod("start -ai reader")
        .stdin("through\n")
        .exits(4)?;
    started.is("through")?;
    podman.rpod("rm -a").ok()?;
    Ok(())
}

pub(crate) fn followed_logs(podman: &Stack) -> Result<()> {
    podman
        .rpod("run -d --name counts alpine sh -c 'for n in 1 2 3; do echo $n; sleep 0.3; done; printf end'")
        .ok()?;
    podman.rpod("logs -f counts").ok()?.is("1\n2\n3\nend")?;
    podman.rpod("rm counts").ok()?;
    Ok(())
}

pub(crate) fn logs_since(podman: &Stack) -> Result<()> {
    podman
        .rpod("run --name spoke alpine sh -c 'echo old; sleep 1.1; echo new'")
        .ok()?;
    let all = podman.rpod("logs -t spoke").ok()?;
    // The end of the second in which the first line was said.
    let (second, _) = all
        .stdout
        .split_once('.')
        .with_context(|| format!("no time\n{all}"))?;
    podman
        .rpod(&format!("logs --since {second}.999999999Z spoke"))
        .ok()?
        .is("new")?;
    podman.rpod("logs --tail 1 spoke").ok()?.is("new")?;
    podman.rpod("rm spoke").ok()?;
    Ok(())
}

pub(crate) fn healthcheck(podman: &Stack) -> Result<()> {
    podman
        .rpod("run -d --name ill --health-cmd 'test -e /well' --health-interval disable alpine sleep 600")
        .ok()?;
    podman.rpod("healthcheck run ill").exits(1)?;
    podman.rpod("exec ill touch /well").ok()?;
    podman.rpod("healthcheck run ill").ok()?;
    podman.rpod("rm -f -t 0 ill").ok()?;
    Ok(())
}

pub(crate) fn stop_with_timeout(podman: &Stack) -> Result<()> {
    podman
        .rpod("run -d --name deaf alpine sh -c 'trap \"\" TERM; while :; do sleep 0.1; done'")
        .ok()?;
    podman.rpod("stop -t 1 deaf").ok()?;
    podman
        .rpod("inspect --format '{{.State.Status}} {{.State.ExitCode}}' deaf")
        .ok()?
        .is("exited 137")?;
    podman.rpod("rm deaf").ok()?;
    let timed = podman
        .rpod("run --name brief --timeout 1 alpine sleep 600")
        .run()?;
    ensure!(timed.code != 0, "{timed}");
    podman.rpod("rm brief").ok()?;
    Ok(())
}

/// The host's systemd-notify, with the libraries that it needs, says from inside that it is ready.
pub(crate) fn notify(podman: &Stack) -> Result<()> {
    if !Path::new("/usr/bin/systemd-notify").exists() {
        return skip("systemd-notify is not installed");
    }
    let path = podman.scratch.path("ready");
    let host = UnixDatagram::bind(&path)?;
    host.set_read_timeout(Some(Duration::from_secs(30)))?;
    let dirs: String = ["/usr", "/lib", "/lib64"]
        .iter()
        .filter(|dir| Path::new(dir).exists())
        .map(|dir| format!(" -v {dir}:{dir}:ro"))
        .collect();
    podman
        .rpod(&format!(
            "run -d --name ready --sdnotify container{dirs} alpine sh -c '/usr/bin/systemd-notify --ready --no-block --status=up; sleep 600'"
        ))
        .env("NOTIFY_SOCKET", &path)
        .ok()?;
    let mut buffer = [0; 4096];
    let mut said = String::new();
    // podman itself tells the main process first.
    while !said.contains("READY=1") {
        let length = host
            .recv(&mut buffer)
            .context("nobody says that it is ready")?;
        said.push_str(&String::from_utf8_lossy(&buffer[..length]));
        said.push('\n');
    }
    podman.rpod("rm -f -t 0 ready").ok()?;
    Ok(())
}
