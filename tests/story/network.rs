//! Bridges, names and ports, each on a host of its own.

use std::fs::File;
use std::net::UdpSocket;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use tests::network::Host;
use tests::{Cmd, Result, Stack, ensure, until};

/// A stack whose commands run on a host of their own.
pub(crate) struct Town {
    pub(crate) stack: Stack,
    pub(crate) host: Host,
}

impl Town {
    pub(crate) fn new() -> Result<Town> {
        let stack = Stack::with_alpine()?;
        let host = Host::new(&stack.scratch)?;
        Ok(Town { stack, host })
    }

    pub(crate) fn rpod(&self, line: &str) -> Cmd {
        self.host.run(self.stack.rpod(line))
    }

    /// A container that says its name to whoever connects to port 80.
    pub(crate) fn serve(&self, name: &str, options: &str) -> Result<()> {
        self.rpod(&format!(
            "run -d --name {name} {options} alpine nc -ll -p 80 -e echo {name}"
        ))
        .ok()?;
        Ok(())
    }

    /// What `to` says to a container; empty if it cannot be reached.
    pub(crate) fn hears(&self, from: &str, to: &str) -> Result<String> {
        let answer = self.rpod(&format!("exec {from} nc -w 2 {to} 80")).run()?;
        Ok(answer.text().to_owned())
    }

    pub(crate) fn address(&self, name: &str, network: &str) -> Result<String> {
        let format = format!(r#"{{{{(index .NetworkSettings.Networks "{network}").IPAddress}}}}"#);
        let said = self
            .rpod("inspect")
            .args([name, "--format", &format])
            .ok()?;
        Ok(said.text().to_owned())
    }
}

pub(crate) fn two_containers_find_each_other_by_name() -> Result<()> {
    let town = Town::new()?;
    town.rpod("network create green").ok()?.is("green")?;
    town.serve("web", "--network green:alias=shop")?;
    town.serve("client", "--network green")?;
    for name in ["web", "shop"] {
        until(&format!("the name {name} to be known"), || {
            Ok(town.hears("client", name)? == "web")
        })?;
    }
    let id = town.rpod("inspect -f {{.Id}} web").ok()?;
    ensure!(town.hears("client", &id.text()[..12])? == "web");
    town.rpod("exec client cat /etc/hosts")
        .ok()?
        .says("host.containers.internal")?
        .says(format!("{}\t", town.address("client", "green")?))?;
    town.rpod("network inspect green").ok()?.says("\"web\"")?;
    town.rpod("network rm green").exits(2)?;
    town.rpod("network rm -f -t 0 green").ok()?;
    town.rpod("ps -aq").ok()?.is("")?;
    town.rpod("network exists green").exits(1)?;
    Ok(())
}

pub(crate) fn ports_are_published() -> Result<()> {
    let town = Town::new()?;
    town.rpod("network create --ipv6 six").ok()?;
    town.serve(
        "web",
        "--network six -p 8080:80 -p 127.0.0.1:8090-8091:80-81",
    )?;
    town.rpod("port web 80")
        .ok()?
        .is("0.0.0.0:8080\n127.0.0.1:8090")?;
    town.rpod("ps").ok()?.says("0.0.0.0:8080->80/tcp")?;
    town.rpod("ps")
        .ok()?
        .says("127.0.0.1:8090-8091->80-81/tcp")?;
    town.host.read("127.0.0.1", 8080).ok()?.is("web")?;
    town.host.read("127.0.0.1", 8090).ok()?.is("web")?;
    let format = "{{range .NetworkSettings.Networks}}{{.IPv6Gateway}}{{end}}";
    let gateway = town.rpod("inspect web --format").arg(format).ok()?;
    town.host.read(gateway.text(), 8080).ok()?.is("web")?;
    town.rpod("run --rm --network bridge -p 8080:80 alpine true")
        .exits(126)?
        .complains("address already in use")?;
    town.rpod("run -d --name any --network bridge -p 80 alpine sleep 100")
        .ok()?;
    town.rpod("port any").ok()?.says("80/tcp -> 0.0.0.0:")?;
    // Nobody else on the host gets the port while the container runs.
    let listen = "run --rm --network host alpine timeout 5 nc -l -p 8080";
    town.rpod(listen).exits(1)?.complains("in use")?;
    // A killed container lets its ports go.
    let pid = town.rpod("inspect -f {{.State.Pid}} web").ok()?;
    Cmd::new("kill").args(["-9", pid.text()]).ok()?;
    until("the port to be free", || {
        Ok(town
            .rpod("run --rm --network bridge -p 8080:80 alpine true")
            .run()?
            .code
            == 0)
    })
}

pub(crate) fn udp_ports_are_published() -> Result<()> {
    let town = Town::new()?;
    town.rpod("run -d --name dns --network bridge -p 5353:53/udp alpine sleep 1000")
        .ok()?;
    let format = "{{.NetworkSettings.SandboxKey}}";
    let key = town.rpod("inspect dns --format").arg(format).ok()?;
    let namespace = File::open(key.text())?;
    // busybox has no server for UDP: a thread of the test goes into the container's network.
    let server = std::thread::spawn(move || -> Result<()> {
        setns(namespace, CloneFlags::CLONE_NEWNET)?;
        let socket = UdpSocket::bind("0.0.0.0:53")?;
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        let (_, client) = socket.recv_from(&mut [0; 16])?;
        socket.send_to(b"answer\n", client)?;
        Ok(())
    });
    until("an answer", || {
        Ok(town.host.ask("127.0.0.1", 5353).run()?.text() == "answer")
    })?;
    server
        .join()
        .map_err(|_| tests::Error::msg("the server panicked"))?
}

pub(crate) fn networks_are_isolated() -> Result<()> {
    let town = Town::new()?;
    town.rpod("network create -o isolate=true red").ok()?;
    town.rpod("network create -o isolate=true blue").ok()?;
    town.serve("a", "--network red")?;
    town.serve("b", "--network blue")?;
    town.serve("c", "--network red")?;
    let (a, b) = (town.address("a", "red")?, town.address("b", "blue")?);
    ensure!(town.hears("c", &a)? == "a");
    ensure!(town.hears("c", &b)?.is_empty());
    // In both it reaches both.
    town.rpod("network connect --alias both blue c").ok()?;
    ensure!(town.hears("c", &b)? == "b");
    until("the alias", || Ok(town.hears("b", "both")? == "c"))?;
    let (red, blue) = (town.address("c", "red")?, town.address("c", "blue")?);
    let hosts = || town.rpod("exec c cat /etc/hosts").ok();
    hosts()?
        .says(format!("\n{red}\t"))?
        .says(format!("\n{blue}\t"))?;
    town.rpod("network disconnect red c").ok()?;
    let left = hosts()?;
    ensure!(
        left.stdout.contains(&blue) && !left.stdout.contains(&red),
        "{left}"
    );
    ensure!(town.hears("c", &a)?.is_empty());
    Ok(())
}

pub(crate) fn addresses_that_are_asked_for() -> Result<()> {
    let town = Town::new()?;
    town.rpod(
        "network create --subnet 10.55.0.0/24 --gateway 10.55.0.9 --ip-range 10.55.0.64/26 fixed",
    )
    .ok()?;
    town.serve("any", "--network fixed")?;
    ensure!(town.address("any", "fixed")? == "10.55.0.65");
    town.serve(
        "own",
        "--network fixed --ip 10.55.0.5 --mac-address 92:d0:c6:0a:29:33",
    )?;
    town.rpod("exec own ip -o address show eth0")
        .ok()?
        .says("10.55.0.5/24")?;
    town.rpod("exec own ip link show eth0")
        .ok()?
        .says("92:d0:c6:0a:29:33")?;
    town.rpod("run --rm --network fixed --ip 10.55.0.5 alpine true")
        .exits(126)?
        .complains("10.55.0.5 is already allocated")?;
    town.rpod("run --rm --network fixed --ip 10.56.0.5 alpine true")
        .exits(125)?
        .complains("not in any subnet")?;
    town.rpod("run --rm --network nowhere alpine true")
        .exits(125)?
        .complains("network not found")?;
    Ok(())
}

pub(crate) fn a_pod_has_one_network() -> Result<()> {
    let town = Town::new()?;
    town.rpod("pod create --name shop --network bridge -p 8080:80")
        .ok()?;
    town.serve("till", "--pod shop")?;
    town.host.read("127.0.0.1", 8080).ok()?.is("till")?;
    town.rpod("run --rm --pod shop alpine nc 127.0.0.1 80")
        .ok()?
        .is("till")?;
    town.rpod("ps").ok()?.says("0.0.0.0:8080->80/tcp")?;
    town.rpod("pod rm -f -t 0 shop").ok()?;
    town.host.read("127.0.0.1", 8080).exits(1)?;
    Ok(())
}

pub(crate) fn nothing_is_left_of_a_network() -> Result<()> {
    let town = Town::new()?;
    town.serve("web", "--network bridge -p 8080:80")?;
    town.rpod("rm -f -t 0 web").ok()?;
    let links = town
        .host
        .run(Cmd::new("busybox").words("ip -o link"))
        .ok()?;
    ensure!(links.text().lines().count() == 1, "{links}");
    let left = std::fs::read_dir(town.stack.scratch.path("runroot/netns"))?.count();
    ensure!(left == 0, "{left} files in netns/");
    Ok(())
}

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
