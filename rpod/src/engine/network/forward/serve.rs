//! The forwarder's own life: listen on the host, enter the namespace, serve.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, bail};
use nix::sched::{CloneFlags, setns};

use super::{Order, tcp, udp};
use crate::engine::network::port::Mapping;

/// What is said when everything listens.
pub(super) const READY: &str = "ready\n";

/// A port of the host that is listened on, and where in the container it leads.
enum Listening {
    Tcp(TcpListener, SocketAddr),
    Udp(UdpSocket, SocketAddr),
}

/// rpod, started under [`super::NAME`].
pub fn main() -> ExitCode {
    match prepare() {
        Ok(all) => {
            let told = std::io::stdout().lock().write_all(READY.as_bytes());
            if told.is_err() || close_stdout().is_err() {
                return ExitCode::FAILURE;
            }
            serve(all);
            ExitCode::SUCCESS
        }
        Err(error) => {
            // Were the one who started us gone too, there is nobody to tell.
            let _ = std::io::stdout()
                .lock()
                .write_all(format!("{error:#}").as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn prepare() -> Result<Vec<Listening>> {
    let mut text = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut text)
        .context("reading what to forward")?;
    let order: Order = serde_json::from_slice(&text).context("reading what to forward")?;
    let mut all = Vec::new();
    for port in &order.ports {
        for offset in 0..port.range {
            all.push(listen(port, offset, &order.to)?);
        }
    }
    // Listening sockets stay the host's; those that are made from here on are the container's.
    let netns =
        File::open(&order.netns).with_context(|| format!("opening {}", order.netns.display()))?;
    setns(&netns, CloneFlags::CLONE_NEWNET)
        .context("entering the container's network namespace")?;
    Ok(all)
}

fn listen(port: &Mapping, offset: u16, to: &[IpAddr]) -> Result<Listening> {
    let host = port.host_port + offset;
    let target = |to: &[IpAddr]| {
        let wanted = port.host_ip.parse::<IpAddr>().ok();
        let same = to
            .iter()
            .find(|ip| wanted.is_some_and(|wanted| wanted.is_ipv6() == ip.is_ipv6()));
        let ip = same
            .or_else(|| to.iter().find(|ip| ip.is_ipv4()))
            .or(to.first());
        ip.map(|ip| SocketAddr::new(*ip, port.container_port + offset))
    };
    let target = target(to).context("the container has no address to forward to")?;
    let places = places(port, host);
    let failed = |error: std::io::Error| {
        let tail = match error.kind() {
            std::io::ErrorKind::PermissionDenied => format!(
                ": ports below {} are root's alone: choose a higher one, or lower net.ipv4.ip_unprivileged_port_start by sysctl",
                first_unprivileged()
            ),
            _ => String::new(),
        };
        anyhow!(
            "cannot listen on the {} port {}: {error}{tail}",
            port.protocol.to_uppercase(),
            places[places.len() - 1]
        )
    };
    match port.protocol.as_str() {
        "tcp" => Ok(Listening::Tcp(
            TcpListener::bind(&places[..]).map_err(failed)?,
            target,
        )),
        "udp" => Ok(Listening::Udp(
            UdpSocket::bind(&places[..]).map_err(failed)?,
            target,
        )),
        other => bail!(
            "ports of protocol {other} cannot be forwarded by a process: publish them as root"
        ),
    }
}

/// Without an address both families are listened on, where the host has both.
fn places(port: &Mapping, number: u16) -> Vec<SocketAddr> {
    match port.host_ip.parse::<IpAddr>() {
        Ok(ip) => vec![SocketAddr::new(ip, number)],
        Err(_) => vec![
            SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), number),
            SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), number),
        ],
    }
}

fn first_unprivileged() -> String {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    text.map_or_else(|_| "1024".to_owned(), |text| text.trim().to_owned())
}

fn close_stdout() -> nix::Result<()> {
    let null = File::options()
        .write(true)
        .open("/dev/null")
        .map_err(|_| nix::errno::Errno::ENOENT)?;
    nix::unistd::dup2_stdout(&null)
}

/// A thread for each port, and the first for the last of them.
fn serve(all: Vec<Listening>) {
    let threads: Vec<_> = all
        .into_iter()
        .map(|one| {
            std::thread::spawn(move || match one {
                Listening::Tcp(listener, target) => tcp::serve(&listener, target),
                Listening::Udp(socket, target) => udp::serve(&socket, target),
            })
        })
        .collect();
    for thread in threads {
        // A port whose thread has come to grief is served no more; the others are.
        let _ = thread.join();
    }
}
