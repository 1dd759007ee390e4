//! `ps`: what it tells of containers, and by what it chooses them.

use serde_json::json;
use tests::{Result, Stack, ensure, until};

pub(crate) fn chosen_by_filter_file_and_latest() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run -d --name one --label tier=web --cidfile one.cid alpine sleep 600")
        .ok()?;
    stack
        .rpod("run -d --name two --label tier=db alpine sleep 600")
        .ok()?;
    stack.rpod("create --name three alpine").ok()?;
    let names = |filter: &str| {
        let line = format!("ps -a --sort names --format {{{{.Names}}}} {filter}");
        Ok::<_, tests::Error>(stack.rpod(&line).ok()?.text().replace('\n', " "))
    };
    for (filter, expected) in [
        ("--filter label=tier", "one two"),
        ("--filter label=tier=db", "two"),
        ("--filter label!=tier", "three"),
        ("--filter name=t", "three two"),
        ("--filter name=t --filter status=running", "two"),
        ("--filter status=created", "three"),
        ("--filter before=two", "one"),
        ("--filter since=two", "three"),
        ("--filter ancestor=alpine --filter name=one", "one"),
        ("--filter command=sleep", "one two"),
        ("--filter restart-policy=no", "one three two"),
        ("--filter until=1h", ""),
        ("--filter health=healthy", ""),
        ("-n 1", "three"),
        ("-n -1", "one three two"),
    ] {
        let found = names(filter)?;
        ensure!(
            found == expected,
            "{filter}: {found:?} in place of {expected:?}"
        );
    }
    stack
        .rpod("ps --filter colour=red")
        .exits(125)?
        .complains("colour is an invalid filter")?;
    stack.rpod("stop -t 0 --filter label=tier=db").ok()?;
    stack.rpod("wait two").ok()?.is("137")?;
    stack.rpod("stop -t 0 --cidfile one.cid").ok()?;
    stack
        .rpod("inspect one --format {{.HostConfig.ContainerIDFile}}")
        .ok()?
        .is(stack.scratch.path("one.cid").display())?;
    stack.rpod("ps -q").ok()?.is("")?;
    stack.rpod("start --filter label=tier").ok()?;
    stack.rpod("kill -a").ok()?;
    until("both to be killed", || {
        Ok(stack.rpod("ps -q").ok()?.text().is_empty())
    })?;
    stack.rpod("stop --ignore nobody").ok()?.is("")?;
    stack
        .rpod("stop nobody one")
        .exits(125)?
        .complains("no container with name or ID \"nobody\" found")?;
    stack
        .rpod("stop")
        .exits(125)?
        .complains("at least one name or id")?;
    stack.rpod("rm -l").ok()?;
    stack.rpod("container exists three").exits(1)?;
    stack
        .rpod("rm nobody")
        .exits(1)?
        .complains("no container with ID or name \"nobody\" found: no such container")?;
    stack.rpod("rm -i nobody").ok()?;
    stack
        .rpod("container prune -f --filter label=tier=web")
        .ok()?;
    ensure!(
        !stack.scratch.path("one.cid").exists(),
        "the file with the id outlives its container"
    );
    stack.rpod("ps -a --format {{.Names}}").ok()?.is("two")?;
    stack
        .rpod("container prune")
        .stdin("n\n")
        .ok()?
        .says("WARNING! This will remove all non running containers.")?;
    stack.rpod("container prune").stdin("y\n").ok()?;
    stack.rpod("ps -aq").ok()?.is("")?;
    Ok(())
}

pub(crate) fn listed_with_sizes() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --name writer alpine sh -c 'head -c 5000 /dev/zero > /five'")
        .ok()?;
    let row = stack.rpod("ps -a -s --format json").ok()?.json()?[0].clone();
    ensure!(row["Size"]["rwSize"] == json!(5000), "{row}");
    ensure!(
        row["Size"]["rootFsSize"].as_u64() > Some(1_000_000),
        "{row}"
    );
    stack
        .rpod("ps -a --size")
        .ok()?
        .says("SIZE")?
        .says("5kB (virtual ")?;
    stack
        .rpod("ps -q --size")
        .exits(125)?
        .complains("quiet conflicts with size")?;
    Ok(())
}

pub(crate) fn lists_of_containers() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run -d --name runs --restart unless-stopped alpine sleep 600")
        .ok()?;
    stack
        .rpod("create --name waits --restart always alpine")
        .ok()?;
    stack.rpod("create --name plain alpine").ok()?;
    let at_boot = |wanted: bool| {
        let line = format!(
            "ps -a --sort names --filter should-start-on-boot={wanted} --format {{{{.Names}}}}"
        );
        stack.rpod(&line).ok()
    };
    at_boot(true)?.is("runs")?;
    at_boot(false)?.is("plain\nwaits")?;
    stack.rpod("stop -t 0 --service runs").ok()?;
    at_boot(true)?.is("runs")?;
    stack.rpod("start runs").ok()?;
    stack.rpod("stop -t 0 runs").ok()?;
    at_boot(true)?.is("")?;
    stack.rpod("start runs").ok()?;
    let numbers = stack
        .rpod("ps --ns --format")
        .arg("{{with .Namespaces}}{{.Cgroup}} {{.IPC}} {{.MNT}} {{.NET}} {{.PIDNS}} {{.User}} {{.UTS}}{{end}}")
        .ok()?;
    let numbers: Vec<&str> = numbers.text().split(' ').collect();
    ensure!(
        numbers.len() == 7 && numbers.iter().all(|number| number.parse::<u64>().is_ok()),
        "{numbers:?}"
    );
    let namespaces = |options: &str| -> Result<serde_json::Value> {
        let rows = stack.rpod(&format!("ps --format json {options}")).ok()?;
        Ok(rows.json()?[0]["Namespaces"].clone())
    };
    ensure!(namespaces("")? == serde_json::json!({}));
    ensure!(namespaces("--ns")?["Mnt"].is_string());
    let image = stack
        .rpod("image inspect alpine --format {{.Id}}")
        .ok()?
        .text()
        .to_owned();
    stack
        .rpod(&format!(
            "ps -q --filter ancestor={} --format {{{{.Names}}}}",
            &image[5..20]
        ))
        .ok()?
        .is("runs")?;
    stack.rpod("rm -f -t 0 runs").ok()?;
    Ok(())
}

/// The table finds out what it shows, a format whatever a template may ask for.
pub(crate) fn ps_shows_the_same_by_default_and_by_a_format() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run -d --pod new:group --name b --health-cmd true alpine sleep 600")
        .ok()?;
    stack
        .rpod("create --name a --expose 90 --label x=y alpine echo some words and some more")
        .ok()?;
    stack.rpod("run --name c alpine true").ok()?;
    for options in [
        "",
        "--pod",
        "--size",
        "--ns",
        "--no-trunc",
        "--sort command",
        "--sort id",
        "--sort image",
        "--sort names",
        "--sort runningfor",
        "--sort size",
        "--sort status",
    ] {
        let shown = |format: &str| -> Result<String> {
            let ps = stack.rpod(&format!("ps -a {options} {format}")).ok()?;
            Ok(ps.stdout)
        };
        // A second may begin between the two.
        until(&format!("ps {options} and by a format"), || {
            Ok(shown("")? == shown("--format table")?)
        })?;
    }
    let ids = stack.rpod("ps -aq").ok()?;
    stack.rpod("ps -a --format {{.ID}}").ok()?.is(ids.text())?;
    Ok(())
}

pub(crate) fn chosen_as_by_docker() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name made alpine true").ok()?;
    let id = stack.rpod("ps -aq --no-trunc").ok()?.text().to_uppercase();
    for filter in [&format!("id={}", &id[..2]), "name=^/made$"] {
        stack
            .rpod(&format!("ps -a --format {{{{.Names}}}} --filter {filter}"))
            .ok()?
            .is("made")?;
    }
    Ok(())
}
