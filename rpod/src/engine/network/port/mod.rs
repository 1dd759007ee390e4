//! Published ports: podman-run(1), "--publish". They are read ([`parse`]), put together ([`joined`]), and held on the host ([`held`]).

mod held;
mod join;
mod parse;

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use join::joined;
pub use parse::{at_default_addresses, exposed, parse};

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

impl Mapping {
    fn listen_ip(&self) -> IpAddr {
        self.host_ip
            .parse()
            .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    fn host_ports(&self) -> impl Iterator<Item = u16> {
        self.host_port..=self.host_port + (self.range - 1)
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

/// `{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}]}`
pub fn bindings(mappings: &[Mapping]) -> Value {
    let mut all = Map::new();
    for mapping in mappings {
        for (port, ip, host_port) in mapping.each() {
            let binding = json!({ "HostIp": shown_ip(ip), "HostPort": host_port.to_string() });
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

    #[test]
    fn ports_of_two_containers_meet() {
        let of = |text| parse(text).unwrap().remove(0);
        assert!(of("8080:80").meets(&of("127.0.0.1:8079-8081:1-3")));
        assert!(!of("8080:80").meets(&of("8080:80/udp")));
        assert!(!of("127.0.0.1:1:1").meets(&of("127.0.0.2:1:1")));
    }
}
