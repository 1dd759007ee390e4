//! Logs: where they lie, and what marks their entries.

use std::fs;

use tests::{Result, Stack, ensure};

pub(crate) fn logs_lie_in_a_directory_for_logs() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let logs = stack.scratch.path("logs");
    fs::create_dir(&logs)?;
    let conf = format!("[containers]\nlog_path = {logs:?}\n");
    let conf = stack.scratch.write("own.conf", conf)?;
    stack
        .rpod("run --name c --network none --log-driver k8s-file alpine echo hello")
        .env("CONTAINERS_CONF_OVERRIDE", &conf)
        .ok()?;
    let id = stack
        .rpod("inspect --format {{.Id}} c")
        .ok()?
        .text()
        .to_owned();
    let log = logs.join(id).join("ctr.log");
    ensure!(fs::read_to_string(&log)?.ends_with("stdout F hello\n"));
    stack
        .rpod("inspect --format {{.HostConfig.LogConfig.Path}} c")
        .ok()?
        .is(log.display())?;
    stack.rpod("logs c").ok()?.is("hello")?;
    Ok(())
}

pub(crate) fn the_journals_entries_are_marked() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("create --log-driver k8s-file --log-opt label=A=b alpine")
        .exits(125)?
        .complains("log labels can only be used with journald log driver")?;
    stack
        .rpod("create --log-driver journald --log-opt label=a=b alpine")
        .exits(125)?
        .complains("log label \"a\" contains invalid characters")?;
    // The monitor is asked for what the templates give.
    let asked = stack.scratch.path("asked");
    let monitor = tests::ours("rconmon")?;
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" > {}\nexec {} \"$@\"\n",
        asked.display(),
        monitor.display()
    );
    let conmon = stack.scratch.program("spying-conmon", script)?;
    let journal = stack.scratch.path("journal.sock");
    let _socket = std::os::unix::net::UnixDatagram::bind(journal)?;
    stack
        .rpod("--conmon")
        .arg(&conmon)
        .words("run --rm --name c --network none --log-driver journald --log-opt tag={{.Name}}-x --log-opt label=IMAGE={{.ImageName}} alpine true")
        .run()?;
    let words = fs::read_to_string(&asked)?;
    let first = format!("{}/alpine:latest", stack.registry.address);
    for pair in [
        "--log-tag\nc-x".to_owned(),
        format!("--log-label\nIMAGE={first}"),
    ] {
        ensure!(words.contains(&pair), "{pair}: {words}");
    }
    Ok(())
}

pub(crate) fn logs_are_told_of_a_time() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run -d --name talks alpine")
        .args(["sh", "-c", "while :; do echo word; sleep 0.1; done"])
        .ok()?;
    stack
        .rpod("logs --until 1s -f talks")
        .ok()?
        .says("word\nword")?;
    stack.rpod("logs --since -9s talks").ok()?.is("")?;
    Ok(())
}

pub(crate) fn a_log_has_a_size_or_is_not_kept() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("create --name made --log-opt max-size=8000 alpine true")
        .ok()?;
    stack
        .rpod("inspect --format {{.HostConfig.LogConfig.Size}} made")
        .ok()?
        .is("8kB")?;
    stack
        .rpod("run --rm --log-driver passthrough alpine sh -c")
        .arg("echo straight; exit 4")
        .exits(4)?
        .is("straight")?;
    Ok(())
}
