//! Published ports: podman-run(1), "--publish".

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd as _, OwnedFd};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, setsockopt, socket, sockopt,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::engine::Context;
use crate::engine::container::load;
use crate::engine::container::record::{Container, Namespace};

/// A port of the container, or a range of them, and the ports of the host that lead there. netavark's and podman's form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mapping {
    /// Empty for all addresses.
    pub host_ip: String,
    pub container_port: u16,
    pub host_port: u16,
    /// How many ports, one behind the other.
    pub range: u16,
    pub protocol: String,
}

/// Reads `[[IP:][HOST]:]CONTAINER[/PROTOCOL]`; HOST and CONTAINER may be ranges. A host port that is not given or 0 is a free one.
pub fn parse(text: &str) -> Result<Vec<Mapping>> {
    let (ports, protocols) = text.split_once('/').unwrap_or((text, "tcp"));
    let (rest, container) = match ports.rsplit_once(':') {
        Some((rest, container)) => (Some(rest), container),
        None => (None, ports),
    };
    let (host_ip, host) = match rest {
        None => ("", ""),
        Some(rest) => match rest.rsplit_once(':') {
            Some((ip, host)) if rest.starts_with('[') == ip.ends_with(']') => (ip, host),
            _ => ("", rest),
        },
    };
    let (container_port, range) =
        ports_of(container).with_context(|| format!("invalid container port in {text:?}"))?;
    if container_port == 0 {
        bail!("container port numbers must be between 1 and 65535 (inclusive), got 0 in {text:?}");
    }
    let host_ip = address(host_ip)?;
    let mut all = Vec::new();
    for protocol in protocols.split(',') {
        let protocol = protocol.to_ascii_lowercase();
        if !["tcp", "udp", "sctp"].contains(&protocol.as_str()) {
            bail!("unrecognized protocol {protocol:?} in port mapping {text:?}: tcp, udp or sctp");
        }
        let one = Mapping {
            host_ip: host_ip.clone(),
            container_port,
            host_port: 0,
            range,
            protocol,
        };
        all.extend(with_host(one, host).with_context(|| format!("port mapping {text:?}"))?);
    }
    Ok(all)
}

/// The same ports at the addresses that containers.conf names for those that were given none.
pub fn at_default_addresses(mappings: Vec<Mapping>, addresses: &[String]) -> Result<Vec<Mapping>> {
    let mut all = Vec::new();
    for mapping in mappings {
        if !mapping.host_ip.is_empty() || addresses.is_empty() {
            all.push(mapping);
            continue;
        }
        for text in addresses {
            let host_ip = address(text).context("default_host_ips of containers.conf")?;
            all.push(Mapping {
                host_ip,
                ..mapping.clone()
            });
        }
    }
    Ok(all)
}

/// `PORT[-PORT][/PROTOCOL]`: each port by itself, as `80/tcp`.
pub fn exposed(text: &str) -> Result<Vec<String>> {
    let (ports, protocols) = text.split_once('/').unwrap_or((text, ""));
    let (first, range) = ports_of(ports).with_context(|| format!("exposing port {text:?}"))?;
    if first == 0 {
        bail!("cannot expose 0 as it is not a valid port number");
    }
    let mut all = Vec::new();
    for protocol in protocols.split(',') {
        let protocol = match protocol.to_ascii_lowercase().as_str() {
            "" | "tcp" => "tcp",
            "udp" => "udp",
            "sctp" => "sctp",
            _ => bail!("unrecognized protocol {protocol:?} in {text:?}: tcp, udp or sctp"),
        };
        all.extend((0..range).map(|offset| format!("{}/{protocol}", first + offset)));
    }
    Ok(all)
}

fn with_host(mapping: Mapping, host: &str) -> Result<Vec<Mapping>> {
    if matches!(host, "" | "0") {
        return (0..mapping.range)
            .map(|offset| {
                Ok(Mapping {
                    container_port: mapping.container_port + offset,
                    host_port: free_port(&mapping)?,
                    range: 1,
                    ..mapping.clone()
                })
            })
            .collect();
    }
    let (host_port, length) = ports_of(host).context("invalid host port")?;
    if length != mapping.range {
        bail!(
            "host and container port ranges have different lengths: {length} vs {}",
            mapping.range
        );
    }
    Ok(vec![Mapping {
        host_port,
        ..mapping
    }])
}

/// The first port of a range and how many there are.
fn ports_of(text: &str) -> Result<(u16, u16)> {
    let number = |text: &str| {
        text.parse::<u16>()
            .with_context(|| format!("{text:?} is no port number"))
    };
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    match last.checked_sub(first) {
        Some(more) if more < u16::MAX => Ok((first, more + 1)),
        _ => bail!("the range {text:?} ends before it begins"),
    }
}

fn address(text: &str) -> Result<String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    if bare.is_empty() {
        return Ok(String::new());
    }
    let parsed: IpAddr = bare
        .parse()
        .with_context(|| format!("cannot parse {text:?} as an IP address"))?;
    Ok(parsed.to_string())
}

/// A port that nobody listens on now.
fn free_port(mapping: &Mapping) -> Result<u16> {
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

impl Mapping {
    fn listen_ip(&self) -> IpAddr {
        self.host_ip
            .parse()
            .unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED))
    }

    fn host_ports(&self) -> impl Iterator<Item = u16> {
        self.host_port..=self.host_port + (self.range - 1)
    }

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

    /// Whether both want a port of the host for themselves.
    pub fn meets(&self, other: &Mapping) -> bool {
        let end = |mapping: &Mapping| u32::from(mapping.host_port) + u32::from(mapping.range);
        let any = |mapping: &Mapping| mapping.listen_ip().is_unspecified();
        self.protocol == other.protocol
            && (any(self) || any(other) || self.host_ip == other.host_ip)
            && u32::from(self.host_port) < end(other)
            && u32::from(other.host_port) < end(self)
    }

    /// As `ps` shows it: `0.0.0.0:8080->80/tcp`.
    pub fn shown(&self) -> String {
        let span = |first: u16| match self.range {
            0 | 1 => first.to_string(),
            more => format!("{first}-{}", first + (more - 1)),
        };
        format!(
            "{}:{}->{}/{}",
            shown_ip(&self.host_ip),
            span(self.host_port),
            span(self.container_port),
            self.protocol
        )
    }

    /// Each port by itself: `80/tcp`, the host's address as it is shown, the host's port.
    pub fn each(&self) -> impl Iterator<Item = (String, &str, u16)> {
        (0..self.range).map(|offset| {
            (
                format!("{}/{}", self.container_port + offset, self.protocol),
                self.host_ip.as_str(),
                self.host_port + offset,
            )
        })
    }
}

/// The ports that lead to a container: its own, or those of the one whose network it shares.
pub fn of(ctx: &Context, container: &Container) -> Result<Vec<Mapping>> {
    match &container.namespaces.net {
        Namespace::Container(owner) => Ok(load(ctx, owner)?.network.publish),
        _ => Ok(container.network.publish.clone()),
    }
}

/// All addresses are shown as IPv4's.
pub fn shown_ip(ip: &str) -> &str {
    if ip.is_empty() { "0.0.0.0" } else { ip }
}

/// `{"80/tcp":[{"HostIp":"","HostPort":"8080"}]}`
pub fn bindings(mappings: &[Mapping]) -> Value {
    let mut all = Map::new();
    for mapping in mappings {
        for (port, ip, host_port) in mapping.each() {
            let binding = json!({ "HostIp": ip, "HostPort": host_port.to_string() });
            match all.entry(port).or_insert_with(|| json!([])) {
                Value::Array(list) => list.push(binding),
                _ => unreachable!("only arrays are put in"),
            }
        }
    }
    all.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Vec<String> {
        parse(text).unwrap().iter().map(Mapping::shown).collect()
    }

    #[test]
    fn mappings() {
        assert_eq!(shown("8080:80"), ["0.0.0.0:8080->80/tcp"]);
        assert_eq!(shown("127.0.0.1:53:53/udp"), ["127.0.0.1:53->53/udp"]);
        assert_eq!(shown("[::1]:1-3:4-6"), ["::1:1-3->4-6/tcp"]);
        assert_eq!(shown("1:1/tcp,udp").len(), 2);
        assert_ne!(parse("80").unwrap()[0].host_port, 0);
        assert_ne!(parse("127.0.0.1::80").unwrap()[0].host_port, 0);
        assert_eq!(parse("5-7").unwrap().len(), 3);
        for bad in [
            "",
            "0",
            "80:0",
            "1-2:3",
            "x:80",
            "80/foo",
            "1.2.3:80:80",
            "5-3:5-3",
            "99999:1",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn exposed_ports() {
        assert_eq!(exposed("80").unwrap(), ["80/tcp"]);
        assert_eq!(exposed("5-6/udp").unwrap(), ["5/udp", "6/udp"]);
        assert_eq!(exposed("1/tcp,udp").unwrap(), ["1/tcp", "1/udp"]);
        for bad in ["", "0", "x", "80/foo", "6-5", "65536"] {
            assert!(exposed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ports_without_an_address_have_the_configured_ones() {
        let addresses = ["127.0.0.1".to_owned(), "[::1]".to_owned()];
        let shown = |text, addresses: &[String]| -> Vec<String> {
            let all = at_default_addresses(parse(text).unwrap(), addresses).unwrap();
            all.iter().map(Mapping::shown).collect()
        };
        assert_eq!(
            shown("8080:80", &addresses),
            ["127.0.0.1:8080->80/tcp", "::1:8080->80/tcp"]
        );
        assert_eq!(shown("0.0.0.0:1:1", &addresses), ["0.0.0.0:1->1/tcp"]);
        assert_eq!(shown("1:1", &[]), ["0.0.0.0:1->1/tcp"]);
        assert!(at_default_addresses(parse("1:1").unwrap(), &["here".to_owned()]).is_err());
    }

    #[test]
    fn ports_of_two_containers_meet() {
        let of = |text| parse(text).unwrap().remove(0);
        assert!(of("8080:80").meets(&of("127.0.0.1:8079-8081:1-3")));
        assert!(!of("8080:80").meets(&of("8080:80/udp")));
        assert!(!of("127.0.0.1:1:1").meets(&of("127.0.0.2:1:1")));
    }

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

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\PC{0,20}|[0-9:./\\[\\]-]{0,24}") {
            for mapping in parse(&text).into_iter().flatten() {
                mapping.each().for_each(drop);
                mapping.shown();
            }
        }
    }
}
