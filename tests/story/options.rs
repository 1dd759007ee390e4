//! Options of run and create.

use std::fs;
use std::path::Path;

use tests::{Cmd, Result, Stack, ensure, until};

pub(crate) fn environment_is_adapted() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let image = "run --name source -e COLOUR=blue -e SIZE=big alpine true";
    stack.rpod(image).ok()?;
    stack.rpod("commit -q source env").ok()?;
    let env = |options: &str| {
        Ok::<_, tests::Error>(
            stack
                .rpod(&format!("run --rm {options} env /bin/env"))
                .env("FROM_HOST", "yes")
                .ok()?
                .stdout,
        )
    };
    ensure!(env("")?.contains("COLOUR=blue") && !env("")?.contains("FROM_HOST"));
    let unset = env("--unsetenv COLOUR --unsetenv container")?;
    ensure!(
        !unset.contains("COLOUR") && unset.contains("SIZE=big") && !unset.contains("container="),
        "{unset}"
    );
    let none = env("--unsetenv-all -e ONE=1")?;
    ensure!(
        !none.contains("SIZE") && !none.contains("PATH=") && none.contains("ONE=1"),
        "{none}"
    );
    let merged = env("--env-merge 'COLOUR=${COLOUR}-$SIZE'")?;
    ensure!(merged.contains("COLOUR=blue-big"), "{merged}");
    let host = env("--env-host")?;
    ensure!(
        host.contains("FROM_HOST=yes") && host.contains("COLOUR=blue"),
        "{host}"
    );
    stack
        .rpod("run --rm --env-merge COLOUR env true")
        .exits(125)?
        .complains("missing `=` for --env-merge substitution COLOUR")?;
    Ok(())
}

pub(crate) fn restarted_by_policy() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run -d --name flaky --restart on-failure:2 alpine sh -c 'echo run; exit 3'")
        .ok()?;
    let restarts = |name: &str| {
        let line = format!("inspect --format '{{{{.RestartCount}}}} {{{{.State.Status}}}}' {name}");
        Ok::<_, tests::Error>(stack.rpod(&line).ok()?.text().to_owned())
    };
    until("two restarts", || Ok(restarts("flaky")? == "2 exited"))?;
    until("three runs in the log", || {
        Ok(stack.rpod("logs flaky").ok()?.text().lines().count() == 3)
    })?;
    // Who waits while it is started again waits for the end of that.
    for _ in 0..3 {
        stack
            .rpod("run -d --name last --restart on-failure:1 alpine sh -c 'exit 3'")
            .ok()?;
        until("its restart", || Ok(restarts("last")?.starts_with('1')))?;
        stack.rpod("wait last").ok()?.is("3")?;
        stack.rpod("rm last").ok()?;
    }
    stack
        .rpod("run -d --name good --restart on-failure alpine true")
        .ok()?;
    stack.rpod("wait --condition exited good").ok()?;
    ensure!(restarts("good")? == "0 exited");
    stack
        .rpod("run -d --name ever --restart always alpine sleep 0.2")
        .ok()?;
    until("a restart", || Ok(!restarts("ever")?.starts_with('0')))?;
    stack.rpod("stop -t 0 ever").ok()?;
    let count = restarts("ever")?;
    std::thread::sleep(std::time::Duration::from_millis(700));
    ensure!(
        restarts("ever")? == count && count.ends_with("exited"),
        "a stopped container came back: {count}"
    );
    stack
        .rpod("ps -a --filter restart-policy=always --format {{.Names}}")
        .ok()?
        .is("ever")?;
    stack
        .rpod("run --rm --restart always alpine")
        .exits(125)?
        .complains("conflicts with --restart")?;
    stack
        .rpod("create --restart sometimes alpine")
        .exits(125)?
        .complains("is not a valid restart policy")?;
    stack.rpod("rm -f -t 0 flaky good ever").ok()?;
    Ok(())
}

pub(crate) fn what_ran_when_the_machine_went_down() -> Result<()> {
    let stack = Stack::with_alpine()?;
    for (name, policy) in [
        ("ran", "no"),
        ("always", "always"),
        ("unless", "unless-stopped"),
        ("told", "unless-stopped"),
        ("stopped", "unless-stopped"),
    ] {
        stack
            .rpod(&format!(
                "run -d --name {name} --restart {policy} alpine sleep 600"
            ))
            .ok()?;
    }
    for (name, options) in [("new", ""), ("new-too", "--rm")] {
        stack
            .rpod(&format!("create {options} --name {name} alpine true"))
            .ok()?;
    }
    stack
        .rpod("run -d --rm --name gone alpine sleep 600")
        .ok()?;
    stack.rpod("stop -t 0 stopped").ok()?;
    stack.rpod("stop -t 0 --service always told").ok()?;
    let ids = stack.rpod("ps -aq --no-trunc").ok()?;
    stack.scratch.power_off("runroot")?;
    // What the runtime knows is in memory, too.
    let runtime = Cmd::new(&stack.parts.runtime).args(["delete", "--force"]);
    runtime.args(ids.text().lines()).run()?;
    stack.rpod("system prune --external").ok()?;
    let states = "ps -a --sort names --format '{{.Names}} {{.State}} {{.ExitCode}}'";
    let expected = "always exited 137\nnew created 0\nnew-too created 0\nran exited 255\nstopped exited 137\ntold exited 137\nunless exited 255";
    stack.rpod(states).ok()?.is(expected)?;
    stack
        .rpod("start --all --filter should-start-on-boot=true")
        .ok()?;
    stack
        .rpod("ps --sort names --format {{.Names}}")
        .ok()?
        .is("always\ntold\nunless")?;
    stack.rpod("rm -f -t 0 --all").ok()?;
    Ok(())
}

pub(crate) fn required_labelled_and_noted() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .scratch
        .write("labels", "# these\ntier=web\n\nowner=me\n")?;
    stack.rpod("create --name first alpine sleep 600").ok()?;
    stack
        .rpod("run -d --name second --requires first --label-file labels --label owner=you --conmon-pidfile second.pid alpine sleep 600")
        .ok()?;
    stack
        .rpod("ps --sort names --format {{.Names}}")
        .ok()?
        .is("first\nsecond")?;
    let told = stack.rpod("inspect second").ok()?.json()?[0].clone();
    ensure!(
        told["Config"]["Labels"]["tier"] == "web" && told["Config"]["Labels"]["owner"] == "you",
        "{told}"
    );
    let pid = fs::read_to_string(stack.scratch.path("second.pid"))?;
    ensure!(
        told["State"]["ConmonPid"] == pid.trim().parse::<i64>()?,
        "{pid}"
    );
    stack
        .rpod("rm -f -t 0 first")
        .exits(125)?
        .complains("has dependent containers")?;
    stack.rpod("rm -f -t 0 second first").ok()?;
    Ok(())
}

pub(crate) fn limits_and_mounts() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --rm --read-only alpine touch /tmp/x")
        .ok()?;
    for place in ["/tmp/x", "/dev/x", "/dev/shm/x", "/run/x"] {
        stack
            .rpod("run --rm --read-only --read-only-tmpfs=false alpine touch")
            .arg(place)
            .exits(1)?
            .complains("Read-only file system")?;
    }
    if Path::new("/dev/tty1").exists() {
        let seen = "run --rm --privileged alpine test -e /dev/tty1";
        stack.rpod(seen).ok()?;
        let hidden = "run --rm --privileged --systemd=always alpine test -e /dev/tty1";
        stack.rpod(hidden).exits(1)?;
    }
    stack
        .rpod("run --rm --tz Europe/Berlin alpine date +%Z")
        .ok()?;
    stack
        .rpod("run --rm --tz local alpine sh -c")
        .arg("test -e /etc/localtime && mount | grep -c localtime")
        .ok()?
        .is("1")?;
    // A link there would lead the mount to another zone's file; a container that knows the zone has a link to it.
    stack
        .rpod("create --name zoned --tz Europe/Berlin alpine sh -c")
        .arg("mkdir -p /usr/share; mount | grep -c localtime; readlink /etc/localtime; date +%Z | cut -c1-2")
        .ok()?;
    let files = stack.scratch.path("zoneinfo");
    fs::create_dir_all(files.join("Europe"))?;
    for zone in ["Europe/Berlin", "UTC"] {
        fs::copy(
            format!("/usr/share/zoneinfo/{zone}"),
            files.join(zone.rsplit('/').next().unwrap_or(zone)),
        )?;
    }
    fs::rename(files.join("Berlin"), files.join("Europe/Berlin"))?;
    stack.rpod("start -a zoned").ok()?.is("1\nCE")?;
    stack
        .rpod(&format!("cp {} zoned:/usr/share/zoneinfo", files.display()))
        .ok()?;
    stack
        .rpod("start -a zoned")
        .ok()?
        .is("0\n../usr/share/zoneinfo/Europe/Berlin\nCE")?;
    stack
        .rpod("inspect zoned --format")
        .arg("{{.Config.Timezone}} {{len .Mounts}}")
        .ok()?
        .is("Europe/Berlin 0")?;
    stack
        .rpod("run --rm --tz No/Where alpine true")
        .exits(125)?
        .complains("finding timezone: unknown time zone")?;
    stack
        .rpod("create --name limited --device-cgroup-rule 'c 1:3 rw' --memory-swappiness 10 alpine")
        .ok()
        .or_else(|_| {
            stack
                .rpod("create --name limited --device-cgroup-rule 'c 1:3 rw' alpine")
                .ok()
        })?;
    stack.rpod("create --ulimit core=-1:-1 alpine").ok()?;
    stack
        .rpod("create --device-cgroup-rule nonsense alpine")
        .exits(125)?
        .complains("invalid device cgroup rule")?;
    stack
        .rpod("create --blkio-weight 5 alpine")
        .exits(125)?
        .complains("from 10 to 1000")?;
    stack
        .rpod("create --device-read-bps sda:1m alpine")
        .exits(125)?
        .complains("bad format")?;
    stack
        .rpod("create --cgroup-conf memory.high alpine")
        .exits(125)?
        .complains("--cgroup-conf must be formatted KEY=VALUE")?;
    Ok(())
}

/// A list of fields is read as CSV is, so that a comma may stand in one.
pub(crate) fn fields_may_stand_in_quotes() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --rm --network none --add-host '\"one:192.0.2.1\",two:192.0.2.2' alpine cat /etc/hosts")
        .ok()?
        .says("192.0.2.1\tone\n192.0.2.2\ttwo")?;
    let odd = stack.scratch.path("a,b");
    fs::create_dir(&odd)?;
    stack
        .rpod("run --rm --network none --mount")
        .arg(format!("type=bind,\"src={}\",dst=/m", odd.display()))
        .words("alpine ls -d /m")
        .ok()?
        .is("/m")?;
    Ok(())
}
