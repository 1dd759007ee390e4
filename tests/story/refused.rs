//! What cannot be had is refused, in podman's words.

use tests::{Result, Stack, ensure};

pub(crate) fn errors_are_podmans() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("pod create --name taken").ok()?;
    let refused = [
        ("pod exists nobody", 1, ""),
        (
            "pod rm nobody",
            1,
            "no pod with name or ID nobody found: no such pod",
        ),
        (
            "pod start nobody",
            125,
            "no pod with name or ID nobody found: no such pod",
        ),
        ("pod start", 125, "you must provide at least one name or id"),
        (
            "pod rm -t 3 taken",
            125,
            "--force option must be specified to use the --time option",
        ),
        (
            "pod create --name taken",
            125,
            "name \"taken\" is in use: pod already exists",
        ),
        (
            "pod create --name no/name",
            125,
            "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*",
        ),
        (
            "pod create --share mnt",
            125,
            "mount sharing functionality not supported on pod level",
        ),
        (
            "pod create --share what",
            125,
            "invalid kernel namespace to share: what",
        ),
        (
            "pod create --infra=false --share net",
            125,
            "cannot set share(net) namespaces without an infra container",
        ),
        (
            "pod create --share cgroup",
            125,
            "cannot define the pod as the cgroup parent",
        ),
        (
            "pod create --infra=false --ip6 fd00::2",
            125,
            "cannot set --ip6 without infra container: invalid argument",
        ),
        (
            "pod create --infra=false --mac-address 92:d0:c6:0a:29:35",
            125,
            "cannot set --mac without infra container: invalid argument",
        ),
        (
            "pod create --infra=false --network host",
            125,
            "NoInfra and network modes cannot be used together",
        ),
        (
            "pod create --infra=false --dns 10.0.0.1",
            125,
            "NoInfra and DNSServer are mutually exclusive pod options: invalid pod spec",
        ),
        (
            "pod create --infra=false --hosts-file image",
            125,
            "NoInfra and HostsFile are mutually exclusive pod options: invalid pod spec",
        ),
        ("pod ps --sort what", 125, "invalid option for --sort"),
        ("pod ps --filter what=x", 125, "what is an invalid filter"),
        (
            "run --pod nobody alpine",
            125,
            "no pod with name or ID nobody found: no such pod",
        ),
        (
            "run --pod taken --hostname x alpine",
            125,
            "cannot set hostname when joining the pod UTS namespace",
        ),
        (
            "run --pod taken --add-host a:1.2.3.4 alpine",
            125,
            "network cannot be configured when it is shared with a pod",
        ),
    ];
    for (line, code, words) in refused {
        stack.rpod(line).exits(code)?.complains(words)?;
    }
    let infra = stack.rpod("ps -aq --filter name=-infra").ok()?;
    stack
        .rpod(&format!("rm -f {}", infra.text()))
        .exits(125)?
        .complains("cannot be removed without removing the pod")?;
    stack.rpod("pod rm -f nobody").ok()?;
    stack.rpod("pod rm taken").ok()?;
    Ok(())
}

/// What rpod refuses as a whole it refuses by name behind the command, too.
pub(crate) fn what_cannot_be_had_is_refused_behind_the_command() -> Result<()> {
    let stack = Stack::new()?;
    for line in [
        "ps --syslog",
        "run --max-workers 3 alpine",
        "images --transient-store",
    ] {
        let option = line.split(' ').nth(1).unwrap_or_default();
        stack
            .rpod(line)
            .exits(125)?
            .complains(format!("Error: {option}: "))?;
    }
    Ok(())
}

pub(crate) fn options_that_cannot_be_are_named() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name c alpine").ok()?;
    for (line, words) in [
        (
            "exec --cidfile nowhere ls",
            "reading CIDFile: open nowhere: no such file or directory",
        ),
        (
            "create --tz America alpine",
            "finding timezone: is a directory",
        ),
        (
            "create --tz ../x alpine",
            "finding timezone: time: invalid location name",
        ),
        (
            "create --secret type=env alpine",
            "no secret with name or id \"type=env\"",
        ),
        (
            "wait --interval 100days c",
            "time: unknown unit \"days\" in duration \"100days\"",
        ),
        (
            "update --health-retries 3 c",
            "healthcheck command is not set",
        ),
        (
            "update --device-read-bps /dev/zero:1m c",
            "/dev/zero: not a block device",
        ),
        (
            "create --ulimit core=-1:1000 alpine",
            "soft: -1 (unlimited), hard: 1000",
        ),
        ("kill -s 65 c", "valid signals are 1 through 64"),
        ("events --since soon", "failed to parse event filters"),
        (
            "pause --all --cidfile nowhere",
            "--all, --latest, and --cidfile cannot be used together",
        ),
        (
            "stop --all --latest --cidfile nowhere",
            "--all, --latest, and --cidfile cannot be used together",
        ),
    ] {
        stack.rpod(line).exits(125)?.complains(words)?;
    }
    stack
        .rpod("generate systemd nobody")
        .exits(125)?
        .complains("nobody does not refer to a container or pod: ")?
        .complains(
            "no such pod: no container with name or ID \"nobody\" found: no such container",
        )?;
    for mode in ["host", "none"] {
        stack
            .rpod(&format!("create --ipc {mode} --shm-size 10m alpine"))
            .exits(125)?
            .complains(format!("cannot set shmsize when running in the {mode} IPC"))?;
    }
    stack.rpod("pod create --name own").ok()?;
    for option in ["--ip 192.168.1.2", "--mac-address 52:54:00:6d:2f:82"] {
        stack
            .rpod(&format!("create --pod own {option} alpine"))
            .exits(125)?
            .complains(
                "invalid config provided: networks must be defined when the pod is created",
            )?;
    }
    stack
        .rpod("create -v /tmp:/m:idmap=uids=q alpine")
        .exits(125)?
        .complains("option idmap=uids=q of the mount: \"q\" is no mapping of ids")?;
    stack
        .rpod("run --hostuser nobody-has-it alpine")
        .exits(126)?
        .complains("user: unknown user nobody-has-it")?;
    let file = stack.scratch.write("config", "")?;
    stack
        .rpod("--config")
        .arg(&file)
        .arg("ps")
        .exits(1)?
        .complains("is not a directory")?;
    Ok(())
}

/// What only the start of a container can tell.
pub(crate) fn a_start_that_cannot_be_is_told_why() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run --name source --network none alpine true")
        .ok()?;
    stack
        .rpod("commit -q --change")
        .arg("LABEL io.containers.seccomp.profile=no-json")
        .words("source profiled")
        .ok()?;
    stack
        .rpod("run --seccomp-policy image profiled true")
        .exits(125)?
        .complains("loading seccomp profile failed")?;
    stack
        .rpod("volume create --opt type=tmpfs --opt device=tmpfs --opt o=invalid wrong")
        .ok()?;
    let said = stack
        .rpod("run --name on-wrong --network none -v wrong:/m alpine true")
        .exits(126)?;
    said.complains("mounting volume wrong for container ")?;
    ensure!(said.stderr.trim().lines().count() == 1, "{}", said.stderr);
    Ok(())
}
