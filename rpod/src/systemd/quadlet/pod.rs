//! `.pod`: a service that makes a pod, which its containers' services are bound to. podman-pod.unit(5).

use anyhow::Result;

use super::conversion::Conversion;
use super::conversion::Takes::{self, Each, Last};
use super::units;

pub fn convert(c: &mut Conversion<'_>) -> Result<()> {
    let name = units::pod_name(c.source);
    for container in std::mem::take(&mut c.own()?.containers) {
        c.service.add("Unit", "Wants", container.clone());
        c.service.add("Unit", "Before", container);
    }
    if !c.source.has("Service", "SyslogIdentifier") {
        c.service.set("Service", "SyslogIdentifier", "%N");
    }
    let mut start = c.command();
    start.extend(["pod", "start", &name]);
    c.service.add_command("Service", "ExecStart", &start.0);
    let mut stop = c.command();
    let timeout = format!("--time={}", c.get("StopTimeout").unwrap_or("10"));
    stop.extend(["pod", "stop", "--ignore", &timeout, &name]);
    c.service.add_command("Service", "ExecStop", &stop.0);
    let mut remove = c.command();
    remove.extend(["pod", "rm", "--ignore", "--force", &name]);
    c.service.add_command("Service", "ExecStopPost", &remove.0);

    let mut create = c.command();
    create.extend([
        "pod",
        "create",
        "--infra-conmon-pidfile=%t/%N.pid",
        "--replace",
    ]);
    create.pairs("--exit-policy", [c.get("ExitPolicy").unwrap_or("stop")]);
    c.user_mappings(&mut create, true)?;
    create.pairs("--publish", c.all("PublishPort"));
    c.assignments(&mut create, &[("Label", "--label")]);
    c.networks(&mut create)?;
    c.options(&mut create, OPTIONS);
    c.volumes(&mut create)?;
    create.extend(["--infra-name", &format!("{name}-infra"), "--name", &name]);
    create.extend(c.arguments("PodmanArgs"));
    c.service.add_command("Service", "ExecStartPre", &create.0);
    c.name_unit();
    c.service.set("Service", "Type", "forking");
    c.service.set("Service", "PIDFile", "%t/%N.pid");
    if !c.source.has("Service", "Restart") {
        c.service.set("Service", "Restart", "on-failure");
    }
    Ok(())
}

const OPTIONS: &[(&str, &str, Takes)] = &[
    ("IP", "--ip", Last),
    ("IP6", "--ip6", Last),
    ("ShmSize", "--shm-size", Last),
    ("NetworkAlias", "--network-alias", Each),
    ("DNS", "--dns", Each),
    ("DNSOption", "--dns-option", Each),
    ("DNSSearch", "--dns-search", Each),
    ("AddHost", "--add-host", Each),
    ("HostName", "--hostname", Each),
];
