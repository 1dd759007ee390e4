//! Networks of ordinary users: user mode, bridges in a namespace of their own, forwarded ports.

use std::fs;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use tests::network::free_port;
use tests::user::{Ranges, User};
use tests::{Context as _, Result, ensure, peer, skip, until};

use crate::rootless::Person;

/// What networks of an ordinary user are made with.
fn tools() -> Result<()> {
    for program in [
        "pasta",
        "slirp4netns",
        "netavark",
        "aardvark-dns",
        "iptables",
    ] {
        peer(program)?;
    }
    if !fs::exists("/dev/net/tun")? {
        return skip("this machine has no /dev/net/tun");
    }
    Ok(())
}

pub(crate) fn networks_without_root() -> Result<()> {
    tools()?;
    let person = Person::new("g", Ranges::Some)?;
    let user = &person.user;
    let said = |port: u16| {
        let script = format!(
            "for try in 1 2 3 4 5 6 7 8 9 10; do exec 3<>/dev/tcp/127.0.0.1/{port} && read -t 2 line <&3 && echo $line && break; sleep 0.2; done"
        );
        tests::Cmd::new("bash").args(["-c", &script]).ok()
    };
    for mode in [
        "pasta",
        "slirp4netns",
        "slirp4netns:port_handler=slirp4netns",
        "bridge",
    ] {
        let port = free_port()?;
        let line = format!(
            "run -d --name web --network {mode} -p 127.0.0.1:{port}:80 alpine nc -ll -p 80 -e echo hello"
        );
        user.rpod(&line).ok()?;
        said(port)?.is("hello")?;
        user.rpod("rm -f -t 0 web").ok()?;
    }
    user.rpod("network create mine").ok()?;
    user.rpod("run -d --name server --network mine alpine nc -ll -p 80 -e echo found")
        .ok()?;
    let asked = "run --rm --network mine alpine sh -c 'for i in 1 2 3 4 5; do nc server 80 </dev/null && break; sleep 0.3; done'";
    user.rpod(asked).ok()?.is("found")?;
    let inside = user.rpod("unshare --rootless-netns ip -br address").ok()?;
    ensure!(inside.stdout.contains("10.89.0.1/24"), "{inside}");
    user.rpod("rm -f -t 0 server").ok()?;
    ensure!(
        !fs::exists(user.home.join("run/rpod/rootless-netns"))?,
        "the bridges' namespace is left"
    );
    user.rpod("run --rm --dns-option ndots:3 alpine cat /etc/resolv.conf")
        .ok()?
        .says("options ndots:3")?;
    // Out of its last network a container is left with its ports, which lead nowhere.
    let port = free_port()?;
    let line = format!("run -d --name web --network mine -p {port}:80 alpine sleep 600");
    user.rpod(&line).ok()?;
    let known = || {
        let format = "{{(index .NetworkSettings.Networks \"mine\").MacAddress}}";
        user.rpod("inspect web --format").arg(format).ok()
    };
    let before = known()?;
    user.rpod("network reload web").ok()?;
    known()?.is(before.text())?;
    user.rpod("network disconnect mine web").ok()?;
    user.rpod("rm -f -t 0 web").ok()?;
    // What is asked for stands behind what is configured.
    user.sh("mkdir -p .config/containers && echo '[network]\npasta_options = [\"-I\", \"mine\"]' > .config/containers/containers.conf")
        .ok()?;
    user.rpod("run --rm --network pasta:--ns-mac-addr,aa:bb:cc:dd:ee:ff alpine ip link show mine")
        .ok()?
        .says("aa:bb:cc:dd:ee:ff")?;
    let refused = user
        .rpod("run --rm --network pasta:--netns=/x alpine true")
        .exits(125)?;
    ensure!(
        refused.stderr.contains("rpod sets --netns by itself"),
        "{refused}"
    );
    Ok(())
}

pub(crate) fn udp_ports_without_root() -> Result<()> {
    tools()?;
    let person = Person::new("u", Ranges::Some)?;
    let user = &person.user;
    let loopback = Ipv4Addr::LOCALHOST.into();
    for (mode, address) in [
        ("bridge", loopback),
        ("pasta", loopback),
        ("pasta", own_address()?),
        ("pasta:--map-gw", loopback),
        ("slirp4netns", loopback),
    ] {
        answers_by_udp(user, mode, address).with_context(|| format!("--network {mode}"))?;
    }
    Ok(())
}

/// The host's, by which it would go out; nothing is sent.
fn own_address() -> Result<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect("198.51.100.1:9")?;
    Ok(socket.local_addr()?.ip())
}

fn answers_by_udp(user: &User, mode: &str, address: IpAddr) -> Result<()> {
    let port = free_port()?;
    user.rpod(&format!(
        "run -d --name dns --network {mode} -p {address}:{port}:53/udp alpine sleep 600"
    ))
    .ok()?;
    let pid = user.rpod("inspect dns --format {{.State.Pid}}").ok()?;
    let namespace = File::open(format!("/proc/{}/ns/net", pid.text()))?;
    // busybox has no server for UDP: a thread of the test goes into the container's network.
    let answered = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&answered);
    let server = std::thread::spawn(move || -> Result<()> {
        setns(namespace, CloneFlags::CLONE_NEWNET)?;
        let socket = UdpSocket::bind("0.0.0.0:53")?;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        while !is_over.load(Ordering::Relaxed) {
            if let Ok((_, client)) = socket.recv_from(&mut [0; 16]) {
                socket.send_to(b"answer", client)?;
            }
        }
        Ok(())
    });
    let asked = until("an answer", || {
        let socket = UdpSocket::bind((address, 0))?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        socket.send_to(b"ask", (address, port))?;
        let mut buffer = [0; 16];
        let size = socket.recv(&mut buffer).unwrap_or(0);
        Ok(&buffer[..size] == b"answer")
    });
    answered.store(true, Ordering::Relaxed);
    server
        .join()
        .map_err(|_| tests::Error::msg("the server panicked"))??;
    asked?;
    user.rpod("rm -f -t 0 dns").ok()?;
    Ok(())
}
