//! What podman 5.8 does and Debian's does not, found by podman's own end-to-end tests.

use std::fs;

use tests::{Result, Stack, ensure, until};

pub(crate) fn groups_are_those_of_the_containers_files() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let group = stack
        .scratch
        .write("group", "root:x:0:root\nbin:x:1:root\nwheel:x:10:root\n")?;
    let groups = |options: &str| {
        let line = format!(
            "run --rm --network none {options} -v {}:/etc/group alpine grep Groups: /proc/self/status",
            group.display()
        );
        let said = stack.rpod(&line).ok()?;
        let groups = said.text().split_whitespace().skip(1);
        Ok::<_, tests::Error>(groups.collect::<Vec<_>>().join(" "))
    };
    for (options, expected) in [
        ("", "0 1 10"),
        ("--user 0", "0 1 10"),
        ("--user 0:0", "0"),
        // Its own group is not got rid of by another.
        ("--user 1234", "0"),
        ("--user 1234:10", "10"),
        ("--uidmap 0:0:2", "0 1"),
    ] {
        let found = groups(options)?;
        ensure!(found == expected, "{options}: {found}");
    }
    stack
        .rpod("run -d --name c --network none alpine sleep 600")
        .ok()?;
    stack
        .rpod("exec --user 1234:10 c grep Groups: /proc/self/status")
        .ok()?
        .says("\t10")?;
    Ok(())
}

pub(crate) fn capabilities_are_those_that_were_meant() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let status = "grep -E Cap(Eff|Inh|Bnd) /proc/self/status";
    let all = stack
        .rpod("run --rm --network none --user 1000 --cap-add all alpine grep CapEff /proc/self/status")
        .ok()?;
    all.hides("0000000000000000")?;
    stack
        .rpod("run -d --name c --network none --user 1000 --cap-drop all --cap-add net_bind_service alpine sleep 600")
        .ok()?;
    let effective = |options: &str| stack.rpod(&format!("exec {options} c {status}")).ok();
    effective("")?.says("CapEff:\t0000000000000400")?;
    effective("--privileged")?
        .says("CapInh:\t0000000000000400")?
        .hides("CapBnd:\t0000000000000400")?;
    // What was added for one user is no other's.
    effective("--user 1001")?.says("CapEff:\t0000000000000000")?;

    let label = "io.containers.capabilities";
    let caps = |name: &str| {
        let line = format!("inspect --format '{{{{.EffectiveCaps}}}}' {name}");
        stack.rpod(&line).ok()
    };
    stack
        .rpod(&format!(
            "create --name less --label {label}=setuid,setgid alpine"
        ))
        .ok()?;
    caps("less")?.is("[CAP_SETGID CAP_SETUID]")?;
    stack
        .rpod(&format!("create --name none --label {label}= alpine"))
        .ok()?;
    caps("none")?.is("[]")?;
    stack
        .rpod("create --name user --user 1000 --cap-add kill alpine")
        .ok()?;
    caps("user")?.is("[CAP_KILL]")?;
    stack
        .rpod("inspect --format '{{json .EffectiveCaps}}' none")
        .ok()?
        .is("null")?;
    stack
        .rpod(&format!("create --name more --label {label}=sys_admin alpine"))
        .ok()?
        .complains("Capabilities requested by user or image are not allowed by default: \\\"CAP_SYS_ADMIN\\\"")?;
    caps("more")?.says("CAP_CHOWN")?.hides("CAP_SYS_ADMIN")?;
    stack
        .rpod(&format!("create --label {label}=fly alpine"))
        .exits(125)?
        .complains("capabilities requested by user or image are not valid")?;
    Ok(())
}

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

pub(crate) fn a_container_goes_after_its_last_run() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let runs = stack.scratch.write("runs", "")?;
    let line = format!(
        "run --rm --network none --restart on-failure --name again -v {}:/runs alpine",
        runs.display()
    );
    stack
        .rpod(&line)
        .args(["sh", "-c", "echo x >> /runs; test $(wc -l < /runs) -gt 2"])
        .exits(1)?;
    until("it is gone", || {
        Ok(stack.rpod("container exists again").run()?.code == 1)
    })?;
    ensure!(fs::read_to_string(&runs)?.lines().count() == 3);
    stack
        .rpod("create --rm --restart always alpine")
        .exits(125)?
        .complains("the --rm option conflicts with --restart")?;

    stack
        .rpod("create --rm --name bad alpine /not/there")
        .ok()?;
    stack.rpod("start --attach bad").exits(125)?;
    stack.rpod("container exists bad").exits(1)?;
    Ok(())
}

pub(crate) fn who_is_killed_is_gone() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let state = |name: &str| {
        let line =
            format!("inspect --format '{{{{.State.Status}}}} {{{{.State.OOMKilled}}}}' {name}");
        stack.rpod(&line).ok()
    };
    for name in ["one", "two"] {
        stack
            .rpod(&format!(
                "run -d --name {name} --network none alpine sleep 600"
            ))
            .ok()?;
    }
    stack.rpod("kill one").ok()?;
    state("one")?.is("exited false")?;
    stack.rpod("pause two").ok()?;
    stack.rpod("kill two").ok()?;
    until("the frozen one is gone", || {
        Ok(state("two")?.text() == "exited false")
    })?;

    // Whether memory was short is told by the monitor's own file, of this run and not of the last.
    let before = stack.scratch.write("before", "")?;
    stack
        .rpod("create --name once --network none")
        .args(["-v", &format!("{}:/before", before.display())])
        .args([
            "alpine",
            "sh",
            "-c",
            "test -s /before && exit 3; echo x > /before",
        ])
        .ok()?;
    stack.rpod("start --attach once").ok()?;
    let id = stack
        .rpod("inspect --format {{.Id}} once")
        .ok()?
        .text()
        .to_owned();
    let mark = stack.root().join("containers").join(id).join("oom");
    fs::write(&mark, "")?;
    stack.rpod("start --attach once").exits(3)?;
    state("once")?.is("exited false")?;
    Ok(())
}

pub(crate) fn volumes_are_their_users() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let mapped = "--network none --uidmap 0:1:500 --gidmap 0:200:5000";
    for place in ["/new", "/etc"] {
        stack
            .rpod(&format!(
                "run --rm {mapped} -v own:{place}:idmap alpine stat -c %u:%g {place}"
            ))
            .ok()?
            .is("0:0")?;
        stack.rpod("volume rm own").ok()?;
    }
    stack
        .rpod(&format!(
            "run --rm {mapped} -v own:/etc:idmap alpine stat -c %u:%g /etc/passwd"
        ))
        .ok()?
        .is("0:0")?;
    stack
        .rpod("run --rm --network none --user 1000:1001 -v user:/home/user alpine true")
        .ok()?;
    stack
        .rpod("volume inspect --format '{{.UID}} {{.GID}}' user")
        .ok()?
        .is("1000 1001")?;
    let mount = "--mount type=volume,source=memory,dst=/m,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-opt=o=nodev";
    stack
        .rpod(&format!(
            "run --rm --network none {mount} alpine grep /m /proc/mounts"
        ))
        .ok()?
        .says("tmpfs")?;
    stack
        .rpod("volume inspect --format {{.Options.o}} memory")
        .ok()?
        .is("nodev")?;
    stack
        .rpod(&format!("run --rm --network none {mount} alpine true"))
        .ok()?;
    stack
        .rpod("run --rm --network none -v user:/m:cached alpine true")
        .ok()?;
    stack
        .rpod("create --mount type=bind,src=/,dst=/host,ro=true,rw=false alpine")
        .exits(125)?
        .complains("cannot pass 'readonly', 'ro', or 'rw' mnt.Options more than once: must provide an argument for option")?;
    Ok(())
}

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

pub(crate) fn words_and_shapes() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("create --name c --network none --memory 10m --umask 22 --init alpine ls /")
        .ok()?;
    let told = |template: &str| stack.rpod("inspect --format").arg(template).arg("c").ok();
    told("{{.HostConfig.MemorySwap}} {{.Config.Umask}}")?.is("20971520 0022")?;
    told("{{.HostConfig.PidsLimit}}")?.is("2048")?;
    told("{{.Path}} {{.Args}}")?.is("/run/podman-init [-- ls /]")?;
    told(
        "{{.Config.Entrypoint}} {{.Config.Labels}} {{json .Config.Labels}} {{json .State.Health}}",
    )?
    .is("[] map[] null null")?;
    told("{{json .Config.Annotations}}")?
        .says("\"io.podman.annotations.init\":\"TRUE\"")?
        .hides("FALSE")?;
    stack
        .rpod("create --name from --volumes-from c:z,ro alpine")
        .ok()?;
    stack
        .rpod("inspect --format")
        .arg("{{index .Config.Annotations \"io.podman.annotations.volumes-from\"}}")
        .arg("from")
        .ok()?
        .is("c:z,ro")?;
    stack.rpod("container cleanup c").ok()?.is("c")?;
    stack.rpod("container cleanup nobody").ok()?.is("")?;
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
    stack.rpod("pod create --name own").ok()?;
    for option in ["--ip 192.168.1.2", "--mac-address 52:54:00:6d:2f:82"] {
        stack
            .rpod(&format!("create --pod own {option} alpine"))
            .exits(125)?
            .complains(
                "invalid config provided: networks must be defined when the pod is created",
            )?;
    }
    let file = stack.scratch.write("config", "")?;
    stack
        .rpod("--config")
        .arg(&file)
        .arg("ps")
        .exits(1)?
        .complains("is not a directory")?;
    Ok(())
}

pub(crate) fn what_is_only_mounted_is_nobodys_file() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.scratch.write("word", "secret")?;
    stack.rpod("secret create word word").ok()?;
    stack
        .rpod("run --name c --network none --secret word alpine touch /tmp/own")
        .ok()?;
    stack.rpod("commit -q c made").ok()?;
    stack
        .rpod("run --rm --network none made ls /run /run/secrets/word")
        .exits(1)?;
    stack
        .rpod("run --rm --network none made ls /tmp")
        .ok()?
        .is("own")?;
    stack
        .rpod("image diff made")
        .ok()?
        .says("A /tmp/own")?
        .hides("secrets/word")?
        .hides("/run/.containerenv")?;

    stack
        .rpod("run -d --name runs --network none alpine sleep 600")
        .ok()?;
    let copy = stack.scratch.path("copy");
    fs::create_dir(&copy)?;
    stack.rpod("cp runs:/").arg(&copy).ok()?;
    ensure!(copy.join("bin/busybox").exists() || copy.join("bin/sh").exists());
    for kernels in ["proc", "sys"] {
        ensure!(
            fs::read_dir(copy.join(kernels))?.next().is_none(),
            "{kernels} was copied"
        );
    }
    Ok(())
}

pub(crate) fn names_users_and_quotes() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack.rpod("create --name c alpine").ok()?;
    stack.rpod("container clone c").ok()?;
    stack.rpod("container clone c-clone").ok()?;
    stack.rpod("container exists c-clone1").ok()?;
    for (options, users) in [
        ("--name env", "private"),
        ("--name host --userns host", ""),
        ("--name in-pod --pod new:own", ""),
    ] {
        let line = format!("create {options} alpine");
        let made = stack.rpod(&line).env("PODMAN_USERNS", "keep-id").ok()?;
        stack
            .rpod("inspect --format {{.HostConfig.UsernsMode}}")
            .arg(made.text())
            .ok()?
            .is(users)?;
    }
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
    stack
        .rpod("create -v /tmp:/m:idmap=uids=q alpine")
        .exits(125)?
        .complains("option idmap=uids=q of the mount: \"q\" is no mapping of ids")?;
    stack
        .rpod("run --hostuser nobody-has-it alpine")
        .exits(126)?
        .complains("user: unknown user nobody-has-it")?;
    Ok(())
}

/// An exit code that an engine makes of the runtime's words.
pub(crate) fn a_directory_is_no_command() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("run -d --name it --network none alpine sleep 600")
        .ok()?;
    for line in ["exec it /etc", "run --rm --network none alpine /etc"] {
        stack
            .rpod(line)
            .exits(126)?
            .complains("permission denied: it is a directory")?;
    }
    Ok(())
}
