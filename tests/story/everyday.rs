//! What an ordinary user does every day: reads logs, and publishes ports of UDP.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use tests::user::{Ranges, User};
use tests::{Context as _, Result, ensure, peer, skip};

use crate::engine::until;
use crate::rootless::{Person, free_port};

pub(crate) fn logs_without_root() -> Result<()> {
    let person = Person::new("l", Ranges::Some)?;
    let user = &person.user;
    let talk = "echo one; sleep 0.2; echo two >&2; sleep 0.2; echo three";
    user.rpod(&format!(
        "run -d --name talks --network none --log-driver k8s-file alpine sh -c '{talk}'"
    ))
    .ok()?;
    let followed = user.rpod("logs -f talks").ok()?;
    ensure!(
        followed.stdout == "one\nthree" || followed.text() == "one\nthree",
        "{followed}"
    );
    ensure!(followed.stderr.trim() == "two", "{followed}");
    user.rpod("logs --tail 1 talks").ok()?.is("three")?;
    let since = user.rpod("logs --since 2000-01-01 -t talks").ok()?;
    ensure!(
        since.text().lines().all(|line| line.starts_with("20")),
        "{since}"
    );
    let until = user.rpod("logs --until 2000-01-01 talks").ok()?;
    ensure!(until.text().is_empty(), "{until}");
    Ok(())
}

pub(crate) fn udp_ports_without_root() -> Result<()> {
    for program in [
        "pasta",
        "slirp4netns",
        "netavark",
        "aardvark-dns",
        "iptables",
    ] {
        peer(program)?;
    }
    if !std::fs::exists("/dev/net/tun")? {
        return skip("this machine has no /dev/net/tun");
    }
    let person = Person::new("u", Ranges::Some)?;
    let user = &person.user;
    let loopback = Ipv4Addr::LOCALHOST.into();
    for (mode, address) in [
        ("bridge", loopback),
        // The pasta of 2023 brings no answer back to the loopback address, and knows the host by the gateway's alone.
        ("pasta:--map-gw", own_address()?),
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
