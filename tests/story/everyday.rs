//! What an ordinary user does every day: reads logs, and publishes ports of UDP.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use tests::user::{Ranges, User};
use tests::{Context as _, Result, ensure, peer, skip, until};

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

pub(crate) fn a_pod_without_root() -> Result<()> {
    peer("pasta")?;
    if !std::fs::exists("/dev/net/tun")? {
        return skip("this machine has no /dev/net/tun");
    }
    let person = Person::new("p", Ranges::Some)?;
    let user = &person.user;
    let port = free_port()?;
    user.rpod(&format!("pod create --name p -p 127.0.0.1:{port}:80"))
        .ok()?;
    user.rpod("run -d --pod p --name web alpine nc -ll -p 80 -e echo hello")
        .ok()?;
    let asked = "run --rm --pod p alpine sh -c 'for i in 1 2 3 4 5; do nc 127.0.0.1 80 </dev/null && break; sleep 0.3; done'";
    user.rpod(asked).ok()?.is("hello")?;
    let mut said = String::new();
    std::io::Read::read_to_string(
        &mut std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port))?,
        &mut said,
    )?;
    ensure!(said == "hello\n", "{said:?}");
    user.rpod("pod ps --format '{{.Name}} {{.Status}} {{.NumberOfContainers}}'")
        .ok()?
        .is("p Running 2")?;
    user.rpod("pod stop -t 0 p").ok()?;
    user.rpod("pod start p").ok()?;
    user.rpod("exec web true").ok()?;
    user.rpod("pod rm -f -t 0 p").ok()?;
    user.rpod("ps -aq").ok()?.is("")?;
    Ok(())
}

pub(crate) fn files_come_and_go_without_root() -> Result<()> {
    let person = Person::new("w", Ranges::Some)?;
    let user = &person.user;
    user.sh("echo carried >file").ok()?;
    user.rpod("volume create kept").ok()?;
    user.rpod("run -d --name one --network none -v kept:/kept --health-cmd 'test -e /kept/file' --health-interval 1h alpine sleep 600")
        .ok()?;
    user.rpod("healthcheck run one").exits(1)?;
    user.rpod("cp file one:/kept/file").ok()?;
    user.rpod("healthcheck run one").ok()?;
    user.rpod("exec one sh -c 'echo made >/made; chown 5:6 /made'")
        .ok()?;
    user.rpod("cp one:/made back").ok()?;
    let back = std::fs::metadata(user.home.join("back"))?;
    ensure!(
        std::os::unix::fs::MetadataExt::uid(&back) == user.uid,
        "what comes out is not the user's"
    );
    user.rpod("diff one").ok()?.says("A /made")?;
    user.rpod("commit -q one localhost/again").ok()?;
    user.rpod("save -q -o again.tar localhost/again").ok()?;
    user.rpod("rmi localhost/again").ok()?;
    user.rpod("load -q -i again.tar").ok()?;
    user.rpod("run --rm --network none localhost/again stat -c %u:%g /made")
        .ok()?
        .is("5:6")?;
    user.sh("rpod export one | tar t").ok()?.says("made")?;
    user.rpod("restart -t 0 one").ok()?;
    user.rpod("exec one cat /made /kept/file")
        .ok()?
        .is("made\ncarried")?;
    user.rpod("rm -f -t 0 one").ok()?;
    user.rpod("run --rm --network none -v kept:/kept alpine cat /kept/file")
        .ok()?
        .is("carried")?;
    user.rpod("volume rm kept").ok()?;
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
