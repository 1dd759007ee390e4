//! What the newest podman does, found by its own end-to-end tests.

use std::fs;

use tests::{Cmd, Result, Stack, ensure, until};

use crate::network::Town;

/// Of one address a port leads to one place; what stands one behind the other is one range.
pub(crate) fn ports_are_put_together() -> Result<()> {
    let town = Town::new()?;
    town.rpod(
        "create --name apart --network bridge -p 1000-2000:2000-3000 -p 1999-2999:3001-4001 alpine",
    )
    .exits(125)?
    .complains("conflicting port mappings for host port 1999 (protocol tcp)")?;
    town.rpod("run -d --name many --network bridge -p 30080:30080 -p 8000:8080 -p 80:80 -p 80:80 -p 81:81 alpine sleep 600")
        .ok()?;
    town.rpod("ps --format {{.Ports}}")
        .ok()?
        .is("0.0.0.0:80-81->80-81/tcp, 0.0.0.0:8000->8080/tcp, 0.0.0.0:30080->30080/tcp")?;
    town.rpod("inspect many --format")
        .arg("{{json (index .NetworkSettings.Ports \"80/tcp\")}}")
        .ok()?
        .is("[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"80\"}]")?;
    // Of what only the owner of the network says it listens at, the one that joins it is told nothing.
    town.rpod("run -d --name owner --network bridge --expose 9000 alpine sleep 600")
        .ok()?;
    town.rpod("run -d --name guest --network container:owner --expose 9001 alpine sleep 600")
        .ok()?;
    for (name, ports) in [("owner", "{\"9000/tcp\":null}"), ("guest", "{}")] {
        town.rpod(&format!("inspect {name} --format"))
            .arg("{{json .NetworkSettings.Ports}}")
            .ok()?
            .is(ports)?;
    }
    Ok(())
}

/// What belongs to the network of another container is not asked of the one that joins it.
pub(crate) fn a_network_that_is_joined_stays_as_it_is() -> Result<()> {
    let town = Town::new()?;
    for option in ["--dns 1.2.3.4", "--dns-opt ndots:1", "--dns-search here"] {
        town.rpod(&format!(
            "create {option} --network container:nobody alpine"
        ))
        .exits(125)?
        .complains("conflicting options: dns and the network mode: container")?;
    }
    town.rpod("create --network container:nobody --add-host a:1.2.3.4 alpine")
        .exits(125)?
        .complains("cannot set extra host entries when the container is joined")?;
    town.rpod("pod create --network container:nobody")
        .exits(125)?
        .complains("pods presently do not support network mode container")?;
    town.rpod("network create green").ok()?;
    town.rpod("create --name still --network green alpine sleep 600")
        .ok()?;
    // It will be connected when it starts: nothing is to be done.
    town.rpod("network connect green still").ok()?;
    town.rpod("init still").ok()?;
    town.rpod("network connect green still")
        .exits(125)?
        .complains("is already connected to network green: network is already connected")?;
    // What waits to be started has its network already, and is in the other one as well when it starts.
    town.rpod("network create blue").ok()?;
    town.rpod("network connect blue still").ok()?;
    town.rpod("start still").ok()?;
    town.rpod("exec still ip address")
        .ok()?
        .says("eth0")?
        .says("eth1")?;
    town.rpod("create --name none --network none alpine").ok()?;
    town.rpod("network connect green none")
        .exits(125)?
        .complains("\"none\" is not supported: invalid network mode")?;
    town.rpod("rm -f -t 0 still").ok()?;
    town.rpod("network prune -f --filter until=50")
        .ok()?
        .is("")?;
    town.rpod("network prune -f --filter until=5000000000000")
        .ok()?
        .says("green")?;
    Ok(())
}

/// ip-netns(8) keeps name servers for the namespaces that it names.
pub(crate) fn a_named_namespace_has_its_name_servers() -> Result<()> {
    let town = Town::new()?;
    let name = format!("rpod-newest-{}", std::process::id());
    let dir = std::path::Path::new("/etc/netns").join(&name);
    let namespace = town.stack.scratch.path(&name);
    let unshared = Cmd::new("unshare")
        .arg(format!("--net={}", {
            fs::write(&namespace, "")?;
            namespace.display()
        }))
        .arg("true");
    unshared.ok()?;
    fs::create_dir_all(&dir)?;
    fs::write(dir.join("resolv.conf"), "nameserver 10.11.12.13\n")?;
    let said = town
        .rpod(&format!(
            "run --rm --network ns:{} alpine cat /etc/resolv.conf",
            namespace.display()
        ))
        .run();
    fs::remove_dir_all(&dir)?;
    // Left to those who have namespaces in it.
    let _ = fs::remove_dir("/etc/netns");
    nix::mount::umount(&namespace)?;
    said?.is("nameserver 10.11.12.13")?;
    Ok(())
}

pub(crate) fn how_it_went_is_told() -> Result<()> {
    let stack = Stack::with_alpine()?;
    stack
        .rpod("inspect --latest")
        .exits(125)?
        .complains("no containers to inspect: no such container")?;
    stack.rpod("create --name wrong alpine nothing").ok()?;
    stack.rpod("start wrong").exits(125)?;
    let why = "inspect --format {{.State.Error}} wrong";
    stack
        .rpod(why)
        .ok()?
        .says("OCI runtime attempted to invoke a command that was not found")?;
    stack
        .rpod("create --name right --cap-add sys_time,net_raw --cap-drop setuid,chown alpine sleep 600")
        .ok()?;
    stack
        .rpod("inspect right --format")
        .arg("{{.HostConfig.CapAdd}}{{.HostConfig.CapDrop}}{{.State.Error}}")
        .ok()?
        .is("[CAP_NET_RAW CAP_SYS_TIME][CAP_CHOWN CAP_SETUID]")?;
    stack.rpod("start right").ok()?;
    stack
        .rpod("stats --no-stream --interval 0 right")
        .exits(125)?
        .complains("invalid interval, must be a positive number greater zero")?;
    // What was killed is dead.
    stack.rpod("kill right").ok()?;
    stack.rpod("ps -q").ok()?.is("")?;
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

pub(crate) fn configured_hosts_names_and_zones() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let with = |conf: &str, line: &str| -> Result<Cmd> {
        stack.scratch.write("own.conf", conf)?;
        let module = stack.scratch.path("own.conf");
        Ok(stack.rpod(&format!("--module {} {line}", module.display())))
    };
    let conf = "[containers]\nno_hosts = true\ncontainer_name_as_hostname = true\ntz = \"Europe/Berlin\"\n";
    with(conf, "create --add-host a:1.2.3.4 alpine")?
        .exits(125)?
        .complains("--no-hosts and --add-host cannot be set together")?;
    with(
        conf,
        "run --rm --no-hosts=false --add-host a:1.2.3.4 alpine cat /etc/hosts",
    )?
    .ok()?
    .says("1.2.3.4")?;
    with(conf, "run --rm --name a_b_c alpine hostname")?
        .ok()?
        .is("abc")?;
    with(conf, "run --rm --tz= alpine date +%Z")?
        .ok()?
        .hides("UTC")?;
    // podman's default, and what it reads of the file, are in thousands.
    let size = "inspect --format {{.HostConfig.ShmSize}} sized";
    stack.rpod("create --name sized alpine").ok()?;
    stack.rpod(size).ok()?.is("65536000")?;
    with(
        "[containers]\nshm_size = \"201k\"\n",
        "create --replace --name sized alpine",
    )?
    .ok()?;
    stack.rpod(size).ok()?.is("201000")?;
    stack
        .rpod("create --replace --name sized --shm-size 201k alpine")
        .ok()?;
    stack.rpod(size).ok()?.is("205824")?;
    Ok(())
}

pub(crate) fn pods_and_their_containers() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let own = stack
        .rpod("run --rm --no-hostname alpine sh -c")
        .arg("cat /etc/hostname || true")
        .ok()?
        .text()
        .to_owned();
    stack.rpod("pod create --no-hostname --name bare").ok()?;
    stack
        .rpod("run --rm --pod bare alpine sh -c")
        .arg("cat /etc/hostname || true")
        .ok()?
        .is(&own)?;
    stack.rpod("run -d --pod bare alpine sleep 600").ok()?;
    stack.rpod("pod kill bare").ok()?;
    stack.rpod("ps -q").ok()?.is("")?;
    stack.rpod("pod rm -f -t 0 bare").ok()?;
    Ok(())
}

/// A device that is called as one of /dev's own, in a directory that is handed over.
pub(crate) fn a_directory_of_devices_is_whole() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let dir = stack.scratch.path("devices");
    fs::create_dir(&dir)?;
    Cmd::new("mknod")
        .arg(dir.join("null"))
        .words("c 1 3")
        .ok()?;
    let said = stack
        .rpod(&format!(
            "run --rm --device {}:/dev/more alpine stat -c %t:%T /dev/more/null",
            dir.display()
        ))
        .run()?;
    said.is("1:3")?;
    until("nothing is left", || {
        Ok(stack.rpod("ps -aq").ok()?.text().is_empty())
    })
}

pub(crate) fn what_is_asked_of_one_host_alone() -> Result<()> {
    let town = Town::new()?;
    town.rpod("network create green").ok()?;
    town.rpod("network create greener").ok()?;
    for (filter, found) in [
        ("name=^green$", "green"),
        ("name=er", "greener"),
        ("name=^podman$", "podman"),
        ("name=^blue$", ""),
    ] {
        town.rpod(&format!("network ls -q --filter {filter}"))
            .ok()?
            .is(found)?;
    }
    town.rpod("network ls --filter name=(").exits(125)?;
    let version = town.rpod("version --format {{.Client.Version}}").ok()?;
    town.rpod("version --format {{.Server.Version}}")
        .ok()?
        .is(version.text())?;
    town.rpod("version --format {{.Version}}")
        .ok()?
        .is(version.text())?;
    town.rpod("version --format {{.Nothing}}").exits(125)?;
    town.rpod("network create --macvlan nowhere --subnet 10.70.0.0/24 wide")
        .exits(125)?
        .complains("parent interface nowhere does not exist")?;
    town.rpod("generate systemd nobody")
        .exits(125)?
        .complains("nobody does not refer to a container or pod: ")?
        .complains(
            "no such pod: no container with name or ID \"nobody\" found: no such container",
        )?;
    for mode in ["host", "none"] {
        town.rpod(&format!("create --ipc {mode} --shm-size 10m alpine"))
            .exits(125)?
            .complains(format!("cannot set shmsize when running in the {mode} IPC"))?;
    }
    Ok(())
}

/// The list is of what will be there: nothing of it is looked for on this host.
pub(crate) fn connections_are_noted_as_they_are_told() -> Result<()> {
    let stack = Stack::with_alpine()?;
    let file = stack.scratch.path("connections.json");
    let rpod = |line: &str| stack.rpod(line).env("PODMAN_CONNECTIONS_CONF", &file);
    rpod("system connection add --identity ~/not/there one ssh://root@there:2222").ok()?;
    rpod("system connection add two --socket-path /run/other.sock unix:///run/podman.sock").ok()?;
    rpod("system connection add --tls-ca not-there.pem three tcp://there:8888/behind/a/proxy")
        .ok()?;
    rpod("system connection list --format {{.URI}}={{.Identity}}={{.TLSCA}}")
        .ok()?
        .is(
            "ssh://root@there:2222/run/podman/podman.sock=~/not/there=\n\
             tcp://there:8888/behind/a/proxy==not-there.pem\n\
             unix:///run/other.sock==",
        )?;
    rpod("system connection list --format tls")
        .ok()?
        .says("TLSCert")?
        .says("not-there.pem")?;
    for _ in 0..2 {
        rpod("system connection remove two").ok()?.is("")?;
    }
    rpod("system connection list --quiet")
        .ok()?
        .is("one\nthree")?;
    for (line, complaint) in [
        ("four tcp://there/8888", "tcp scheme requires a port"),
        (
            "four tcp://there:8888 --socket-path /run/a",
            "--socket-path option not supported for tcp scheme",
        ),
    ] {
        rpod(&format!("system connection add {line}"))
            .exits(125)?
            .complains(complaint)?;
    }
    Ok(())
}
