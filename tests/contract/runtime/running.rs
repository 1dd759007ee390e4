//! What is done with a container that runs: paused, looked into, limited, kept.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tests::{Cmd, Context, Result, ensure, peer, skip};

use super::Machine;

pub(super) fn pause(machine: &Machine) -> Result<()> {
    machine.bundle(&["sleep", "600"], |_| {})?;
    machine.start()?;
    machine.cmd("resume ID").exits(1)?;
    machine.cmd("pause ID").ok()?;
    ensure!(machine.status()? == "paused", "{}", machine.status()?);
    machine
        .cmd("exec ID true")
        .exits(255)?
        .complains("paused container")?;
    machine.cmd("resume ID").ok()?;
    ensure!(machine.status()? == "running", "{}", machine.status()?);
    // A frozen process has to be thawed to die.
    machine.cmd("pause ID").ok()?;
    machine.cmd("delete --force ID").ok()?;
    machine.cmd("list -q").ok()?.is("")?;
    Ok(())
}

pub(super) fn processes(machine: &Machine) -> Result<()> {
    machine.bundle(&["sh", "-c", "sleep 600 & sleep 600 & wait"], |_| {})?;
    machine.start()?;
    let pids = || -> Result<Vec<i64>> {
        let pids = machine.cmd("ps --format json ID").ok()?.json()?;
        let pids = pids.as_array().context("no array")?.clone();
        Ok(pids.iter().filter_map(Value::as_i64).collect())
    };
    while pids()?.len() < 3 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let init = machine.cmd("state ID").ok()?.json()?["pid"].as_i64();
    ensure!(init.is_some_and(|init| pids().is_ok_and(|pids| pids.contains(&init))));
    machine
        .cmd("ps ID -o pid,args")
        .ok()?
        .says("PID COMMAND")?
        .says("sleep 600")?;
    machine.cmd("kill --all ID KILL").ok()?;
    while machine.status()? != "stopped" {
        std::thread::sleep(Duration::from_millis(20));
    }
    machine
        .cmd("kill ID TERM")
        .exits(1)?
        .complains("not running")?;
    Ok(())
}

pub(super) fn events(machine: &Machine) -> Result<()> {
    machine.bundle(&["sleep", "600"], |config| {
        config["linux"]["resources"]["pids"] = json!({"limit": 30});
    })?;
    machine.start()?;
    let output = machine.cmd("events --stats ID").ok()?;
    // Readers go by the order.
    output.says(format!(
        "{{\"type\":\"stats\",\"id\":\"{}\",\"data\":{{",
        machine.id
    ))?;
    let data = &output.json()?["data"];
    ensure!(data["pids"] == json!({"current": 1, "limit": 30}), "{data}");
    for path in ["/cpu/usage/total", "/memory/usage/usage"] {
        let number = data.pointer(path).and_then(Value::as_u64);
        ensure!(number.is_some_and(|number| number > 0), "{path} in {data}");
    }
    Ok(())
}

pub(super) fn update(machine: &Machine) -> Result<()> {
    machine.bundle(&["sleep", "600"], |_| {})?;
    machine.start()?;
    machine
        .cmd("update --memory 64m --pids-limit 20 --cpu-share 512 ID")
        .ok()?;
    let read = |controller: &str, v1: &str, v2: &str| {
        let group = machine.group(controller);
        fs::read_to_string(group.join(v1)).or_else(|_| fs::read_to_string(group.join(v2)))
    };
    let memory = read("memory", "memory.limit_in_bytes", "memory.max")?;
    ensure!(memory.trim() == "67108864", "{memory}");
    let pids = read("pids", "pids.max", "pids.max")?;
    ensure!(pids.trim() == "20", "{pids}");
    machine
        .cmd("update --resources - ID")
        .stdin(r#"{"memory": {"limit": 33554432}}"#)
        .ok()?;
    let memory = read("memory", "memory.limit_in_bytes", "memory.max")?;
    ensure!(memory.trim() == "33554432", "{memory}");
    let pids = read("pids", "pids.max", "pids.max")?;
    ensure!(
        pids.trim() == "20",
        "what was not given has changed: {pids}"
    );
    machine.cmd("update --memory much ID").exits(1)?;
    Ok(())
}

pub(super) fn sub_group(machine: &Machine) -> Result<()> {
    machine.bundle(&["sleep", "600"], |_| {})?;
    machine.start()?;
    let group = machine.group("pids");
    fs::create_dir(group.join("below"))?;
    let v1 = group.starts_with("/sys/fs/cgroup/pids");
    let wanted = if v1 { "pids:below" } else { "below" };
    machine
        .cmd(&format!("exec --cgroup {wanted} ID cat /proc/self/cgroup"))
        .ok()?
        .says("/below")?;
    machine
        .cmd(&format!("exec --cgroup {wanted}/../.. ID true"))
        .exits(255)?
        .complains("sub cgroup path")?;
    Ok(())
}

pub(super) fn checkpoint(machine: &Machine) -> Result<()> {
    let criu = peer("criu")?;
    if Cmd::new(criu).arg("check").run()?.code != 0 {
        return skip("criu does not work on this kernel");
    }
    let count = "i=0; while :; do i=$((i+1)); echo $i > /tmp/n; sleep 0.1; done";
    machine.bundle(&["sh", "-c", count], |config| {
        config["root"]["readonly"] = json!(false);
    })?;
    machine.start()?;
    let file = machine.scratch.path("bundle/rootfs/tmp/n");
    let count = || -> Result<u64> {
        let text = fs::read_to_string(&file).unwrap_or_default();
        Ok(text.trim().parse().unwrap_or(0))
    };
    while count()? < 3 {
        std::thread::sleep(Duration::from_millis(50));
    }
    let images = machine.scratch.path("images");
    machine
        .cmd("checkpoint ID --image-path")
        .arg(&images)
        .ok()?;
    machine.cmd("list -q").ok()?.is("")?;
    let saved = count()?;
    let status = machine
        .cmd("restore --detach ID --image-path")
        .arg(&images)
        .dir(machine.scratch.path("bundle"))
        .into_command()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "{status}");
    while count()? < saved + 3 {
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
