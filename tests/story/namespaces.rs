//! Namespaces that are the host's or another container's, and what cannot be asked of those.

use std::fs;

use tests::{Result, Stack};

pub(crate) fn what_is_the_hosts_is_not_the_containers() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let host = fs::read_to_string("/proc/sys/kernel/hostname")?;
    stack
        .rpod("run --rm --network host alpine hostname")
        .ok()?
        .is(host.trim())?;
    stack
        .rpod("run --rm --network host --hostname own alpine hostname")
        .ok()?
        .is("own")?;
    stack
        .rpod("run --rm --network host -p 8080 alpine true")
        .ok()?
        .complains("because \"host\" network namespace mode does not support them")?;
    stack
        .rpod("create --network host --sysctl net.core.somaxconn=65535 alpine")
        .exits(125)?
        .complains("sysctl net.core.somaxconn=65535 can't be set since Network Namespace set to host: invalid argument")?;
    stack
        .rpod("create --ipc host --sysctl fs.mqueue.msg_max=20 alpine")
        .exits(125)?
        .complains("can't be set since IPC Namespace set to host")?;
    let root = stack.root();
    stack
        .rpod(&format!(
            "run --rm --network none -v {}:/store alpine cat /run/.containerenv",
            root.display()
        ))
        .ok()?
        .is("graphRootMounted=1")?;
    if !fs::read_to_string("/sys/module/apparmor/parameters/enabled")
        .is_ok_and(|y| y.starts_with('Y'))
    {
        stack
            .rpod("create --security-opt apparmor=own alpine")
            .exits(125)?
            .complains(
                "apparmor profile \"own\" specified, but Apparmor is not enabled on this system",
            )?;
        stack
            .rpod("run --rm --network none --security-opt apparmor=unconfined alpine true")
            .ok()?;
    }
    Ok(())
}

pub(crate) fn an_ipc_namespace_is_shared_or_not() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let mode = |name: &str| {
        stack
            .rpod("inspect --format {{.HostConfig.IpcMode}}")
            .arg(name)
            .ok()
    };
    for kind in ["private", "none", "shareable", "host"] {
        stack
            .rpod(&format!(
                "run -d --name {kind} --ipc {kind} alpine sleep 600"
            ))
            .ok()?;
        mode(kind)?.is(kind)?;
        let joined = stack.rpod(&format!("run --rm --ipc container:{kind} alpine true"));
        match kind {
            "private" | "none" => joined.exits(125)?.complains("non-shareable IPC")?,
            _ => &joined.ok()?,
        };
    }
    stack.rpod("exec none ls /dev/shm").exits(1)?;
    stack.rpod("exec private ls /dev/shm").ok()?;
    Ok(())
}
