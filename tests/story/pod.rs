//! Pods: containers that share their namespaces, which an infra container holds.

use std::fs;

use tests::{Result, Stack, ensure, skip, until};

pub(crate) fn two_containers_in_a_pod() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let pod = stack.rpod("pod create --name podtest").ok()?;
    let pod = pod.text();
    ensure!(pod.len() == 64, "{pod:?} is not an id");
    stack
        .rpod("pod ps")
        .ok()?
        .says("podtest")?
        .says("Created")?
        .says(&pod[..12])?;
    for _ in 0..2 {
        stack.rpod("create --pod podtest alpine sleep 600").ok()?;
    }
    stack.rpod("pod start podtest").ok()?.is("podtest")?;
    let ps = stack.rpod("ps -ap").ok()?;
    let header = ps.stdout.lines().next().unwrap_or_default();
    let columns: Vec<&str> = header
        .split("  ")
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    let expected = [
        "CONTAINER ID",
        "IMAGE",
        "COMMAND",
        "CREATED",
        "STATUS",
        "PORTS",
        "NAMES",
        "POD ID",
        "PODNAME",
    ];
    ensure!(columns == expected, "{ps}");
    ensure!(ps.stdout.lines().count() == 4, "three containers\n{ps}");
    ensure!(
        ps.stdout.matches("Up ").count() == 3,
        "all of them run\n{ps}"
    );
    ps.says(format!("{}-infra", &pod[..12]))?;
    stack.rpod("pod ps").ok()?.says("Running")?;
    stack.rpod("pod stop -t 0 podtest").ok()?.is("podtest")?;
    stack.rpod("pod ps").ok()?.says("Exited")?;
    stack.rpod("pod rm podtest").ok()?;
    stack.rpod("ps -aq").ok()?.is("")?;
    stack.rpod("pod ps -q").ok()?.is("")?;
    Ok(())
}

pub(crate) fn containers_share_the_network_and_the_hostname() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("pod create --name shared --network none --hostname together")
        .ok()?;
    let namespaces = "readlink /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/uts";
    let first = stack
        .rpod(&format!(
            "run --rm --pod shared alpine sh -c '{namespaces}; hostname'"
        ))
        .ok()?;
    first.says("together")?;
    let second = stack
        .rpod(&format!(
            "run --rm --pod shared alpine sh -c '{namespaces}; hostname'"
        ))
        .ok()?;
    second.is(first.text())?;
    // The first has to live while the second is asked: the kernel gives the number of a namespace that is gone to the next.
    stack
        .rpod("run -d --pod shared --name stays alpine sleep 600")
        .ok()?;
    let one = stack.rpod("exec stays readlink /proc/self/ns/mnt").ok()?;
    let other = stack
        .rpod("run --rm --pod shared alpine readlink /proc/self/ns/mnt")
        .ok()?;
    ensure!(one.text() != other.text(), "each has its own mounts");
    stack.rpod("pod rm -f -t 0 shared").ok()?;
    Ok(())
}

pub(crate) fn a_pod_is_removed_with_its_containers() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("pod create --name doomed").ok()?;
    stack.rpod("run -d --pod doomed alpine sleep 600").ok()?;
    let refused = stack.rpod("pod rm doomed").exits(125)?;
    let lines: Vec<&str> = refused.stderr.lines().collect();
    ensure!(
        lines.len() == 2
            && lines[0].ends_with(": removing pod containers")
            && lines[1].contains("cannot remove container ")
            && lines[1].ends_with("without force: container state improper"),
        "{refused}"
    );
    stack.rpod("pod rm -f -t -1 nobody").ok()?.is("")?;
    stack.rpod("pod rm -f -t 0 doomed").ok()?;
    stack.rpod("ps -aq").ok()?.is("")?;
    // With its infra container a pod goes whole, and all that is gone is told.
    stack
        .rpod("create --pod new:doomed --name one alpine")
        .ok()?;
    let infra = stack
        .rpod("pod inspect doomed --format {{.InfraContainerID}}")
        .ok()?;
    let gone = stack.rpod(&format!("rm --depend {}", infra.text())).ok()?;
    ensure!(gone.stdout.lines().count() == 2, "{gone}");
    // systemd is not asked for a slice where it does not run.
    if !std::path::Path::new("/run/systemd/private").exists() {
        stack
            .rpod("--cgroup-manager systemd pod create --name sliced")
            .ok()?;
        stack.rpod("pod start sliced").exits(125)?;
        stack.rpod("pod rm -f sliced").ok()?;
    }
    Ok(())
}

pub(crate) fn a_pod_that_stops_with_its_last_container() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("pod create --name brief --exit-policy stop")
        .ok()?;
    for name in ["first", "second"] {
        stack
            .rpod(&format!(
                "run -d --pod brief --name {name} alpine sleep 600"
            ))
            .ok()?;
    }
    stack.rpod("kill first").ok()?;
    stack.rpod("wait first").ok()?;
    stack.rpod("pod ps").ok()?.says("Degraded")?;
    stack.rpod("kill second").ok()?;
    until("the pod to end with its last container", || {
        Ok(stack.rpod("pod ps").ok()?.stdout.contains("Exited"))
    })?;
    stack.rpod("pod rm brief").ok()?;
    stack
        .rpod("pod create --exit-policy never")
        .exits(125)?
        .complains("invalid pod exit policy: \"never\"")?;
    Ok(())
}

pub(crate) fn what_a_pod_was_asked_for_reaches_its_containers() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.scratch.write("given", "from the pod\n")?;
    let create = format!(
        "pod create --name rich --network none --memory 64m --cpus 0.5 --add-host db:10.0.0.9 --label a=b \
         --security-opt no-new-privileges --sysctl net.ipv4.ip_default_ttl=77 --share +pid --pod-id-file id -v {}:/given:ro",
        stack.scratch.path("given").display()
    );
    let id = stack.rpod(&create).ok()?;
    ensure!(fs::read_to_string(stack.scratch.path("id"))? == id.text());
    let script = "cat /given; grep NoNewPrivs /proc/self/status; cat /proc/sys/net/ipv4/ip_default_ttl; grep -c db /etc/hosts; \
                  grep memory: /proc/self/cgroup; cat /proc/1/comm; hostname";
    let said = stack
        .rpod(&format!(
            "run --rm --pod-id-file id alpine sh -c '{script}'"
        ))
        .ok()?;
    for expected in [
        "from the pod",
        "NoNewPrivs:\t1",
        "77",
        &format!("/{}/", id.text()),
        "pause",
        "rich",
    ] {
        said.says(expected)?;
    }
    let limit = format!(
        "/sys/fs/cgroup/memory/rpod_parent/{}/memory.limit_in_bytes",
        id.text()
    );
    match fs::read_to_string(&limit) {
        Ok(bytes) => ensure!(bytes.trim() == (64 << 20).to_string(), "{limit} is {bytes}"),
        Err(error) => return skip(format!("{limit}: {error}: this host's cgroups are v2")),
    }
    // It is somebody's, whoever's it is.
    stack
        .rpod("pod create --pod-id-file id")
        .exits(125)?
        .complains("pod id file exists")?;
    stack.rpod("pod rm -f -t 0 --pod-id-file id").ok()?;
    ensure!(!stack.scratch.path("id").exists(), "the id file is left");
    ensure!(fs::metadata(limit).is_err(), "the pod's cgroup is left");
    Ok(())
}

pub(crate) fn a_pod_is_made_for_its_first_container() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --rm --pod new:fresh --hostname inside alpine hostname")
        .ok()?
        .is("inside")?;
    stack.rpod("pod ps --format {{.Name}}").ok()?.is("fresh")?;
    let conf = fs::read_to_string(stack.scratch.path("containers.conf"))?;
    let conf = conf.replace(
        "[engine]\n",
        "[engine]\ninfra_image = \"oci:/no/such:image\"\n",
    );
    stack.scratch.write("infra.conf", conf)?;
    stack
        .rpod("create --pod new:other alpine true")
        .env("CONTAINERS_CONF", stack.scratch.path("infra.conf"))
        .exits(125)?
        .complains("/no/such")?;
    stack
        .rpod("run --rm --pod new:fresh alpine true")
        .exits(125)?
        .complains("name \"fresh\" is in use: pod already exists")?;
    stack.rpod("pod rm -f fresh").ok()?;
    stack
        .rpod("run --rm --pod new:gone --pull never no-such-image true")
        .exits(125)?;
    stack.rpod("pod ps -q").ok()?.is("")?;
    Ok(())
}

pub(crate) fn a_pod_is_looked_into() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("pod create --name open --network none").ok()?;
    let script = "echo said by $0; exec sleep 600";
    for name in ["left", "right"] {
        stack
            .rpod(&format!(
                "run -d --pod open --name {name} alpine sh -c '{script}' {name}"
            ))
            .ok()?;
    }
    // What a container says takes a moment to its log.
    until("both to be heard", || {
        let logs = stack.rpod("pod logs -n open").ok()?;
        Ok(
            logs.stdout.contains("left said by left")
                && logs.stdout.contains("right said by right"),
        )
    })?;
    stack
        .rpod("pod logs -c right open")
        .ok()?
        .is("said by right")?;
    let top = stack.rpod("pod top open").ok()?;
    top.says("COMMAND")?.says("pause")?;
    ensure!(top.stdout.matches("sleep 600").count() == 2, "{top}");
    stack
        .rpod("top left pid,user,args")
        .ok()?
        .says("1           root        sleep 600")?;
    stack
        .rpod("top left -o pid,args")
        .ok()?
        .says("1 sleep 600")?;
    let stats = stack
        .rpod("pod stats --no-stream --format json open")
        .ok()?
        .json()?;
    ensure!(
        stats
            .as_array()
            .is_some_and(|rows| rows.iter().all(|row| row["PIDS"] == "1") && rows.len() == 3),
        "{stats}"
    );
    let stats = stack.rpod("stats --no-stream left right").ok()?;
    ensure!(stats.stdout.lines().count() == 3, "{stats}");
    stack.rpod("pod prune -f").ok()?.is("")?;
    stack.rpod("pod kill open").ok()?;
    until("the pod's containers to end", || {
        Ok(stack.rpod("pod ps").ok()?.stdout.contains("Exited"))
    })?;
    stack
        .rpod("top left")
        .exits(125)?
        .complains("top can only be used on running containers")?;
    ensure!(
        stack.rpod("pod prune -f").ok()?.text().len() == 64,
        "not pruned"
    );
    stack.rpod("ps -aq").ok()?.is("")?;
    Ok(())
}
