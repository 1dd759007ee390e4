//! Ports of the host that are somebody's, and those that are nobody's.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd as _, OwnedFd};

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, setsockopt, socket, sockopt,
};

use super::Mapping;

impl Mapping {
    /// Takes the host's ports: nobody else can listen on them while the sockets are open. Of SCTP's none are taken.
    pub fn take(&self) -> Result<Vec<OwnedFd>> {
        let kind = match self.protocol.as_str() {
            "tcp" => SockType::Stream,
            "udp" => SockType::Datagram,
            _ => return Ok(Vec::new()),
        };
        self.host_ports()
            .map(|port| {
                let taken = match self.host_ip.parse() {
                    Ok(ip) => bound(kind, SocketAddr::new(ip, port), true),
                    // Both families, where there are both.
                    Err(_) => match bound(kind, (Ipv6Addr::UNSPECIFIED, port).into(), false) {
                        Err(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL) => {
                            bound(kind, (Ipv4Addr::UNSPECIFIED, port).into(), true)
                        }
                        other => other,
                    },
                };
                taken.with_context(|| self.cannot_listen(port))
            })
            .collect()
    }

    fn cannot_listen(&self, port: u16) -> String {
        format!(
            "cannot listen on the {} port {}:{port}",
            self.protocol.to_uppercase(),
            self.listen_ip()
        )
    }

    /// Fails if somebody listens on one of the host's ports.
    pub fn check_free(&self) -> Result<()> {
        for port in self.host_ports() {
            let place = (self.listen_ip(), port);
            let bound = match self.protocol.as_str() {
                "tcp" => TcpListener::bind(place).map(drop),
                "udp" => UdpSocket::bind(place).map(drop),
                _ => Ok(()),
            };
            bound.with_context(|| self.cannot_listen(port))?;
        }
        Ok(())
    }
}

/// A port that nobody listens on now.
pub(super) fn free_port(mapping: &Mapping) -> Result<u16> {
    let place = (mapping.listen_ip(), 0);
    let port = match mapping.protocol.as_str() {
        "udp" => UdpSocket::bind(place).and_then(|socket| socket.local_addr()),
        _ => TcpListener::bind(place).and_then(|socket| socket.local_addr()),
    };
    Ok(port.context("unable to get random port")?.port())
}

/// A socket that only is there. Without SO_REUSEADDR, so that no other one that has it comes to listen.
fn bound(kind: SockType, place: SocketAddr, only_v6: bool) -> nix::Result<OwnedFd> {
    let family = match place {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    let made = socket(family, kind, SockFlag::SOCK_CLOEXEC, None)?;
    if place.is_ipv6() {
        setsockopt(&made, sockopt::Ipv6V6Only, &only_v6)?;
    }
    bind(made.as_raw_fd(), &SockaddrStorage::from(place))?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::parse;
    use super::*;

    #[test]
    fn a_taken_port_is_nobody_elses() {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mapping = &parse(&format!("{port}:80")).unwrap()[0];
        let taken = mapping.take().unwrap();
        assert!(TcpListener::bind(("127.0.0.1", port)).is_err());
        assert!(mapping.take().is_err());
        drop(taken);
        assert!(TcpListener::bind(("127.0.0.1", port)).is_ok());
    }
}
