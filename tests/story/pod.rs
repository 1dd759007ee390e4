//! Pods: containers that share their namespaces, which an infra container holds.

use tests::{Result, Stack, ensure};

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
    stack.rpod("pod start podtest").ok()?.says(pod)?;
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
    stack.rpod("pod stop -t 0 podtest").ok()?;
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
    let refused = stack.rpod("pod rm doomed").run()?;
    ensure!(refused.code == 125, "a running pod was removed\n{refused}");
    stack.rpod("pod rm -f -t 0 doomed").ok()?;
    stack.rpod("ps -aq").ok()?.is("")?;
    Ok(())
}
