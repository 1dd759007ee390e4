//! What a container is connected to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::engine::network::port::Mapping;

/// The network of a container with a network namespace of its own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// It can be connected to networks; else it has loopback alone.
    pub bridged: bool,
    /// A program of the user's connects it to the host.
    pub user_mode: Option<UserMode>,
    /// Names of the networks it is connected to.
    pub names: Vec<String>,
    /// Its place in each of them, as far as it was asked for.
    pub endpoints: BTreeMap<String, Endpoint>,
    pub publish: Vec<Mapping>,
    /// `80/tcp`: what the container and its image say that they listen at.
    pub exposed: Vec<String>,
    /// Every exposed port is published.
    pub publish_all: bool,
    pub dns: Vec<String>,
    pub dns_search: Vec<String>,
    pub dns_options: Vec<String>,
    /// `host[;host…]:ip`, as given.
    pub add_hosts: Vec<String>,
    /// What `/etc/hosts` begins with: a file of the host, `image`, `none`; empty for what is configured.
    pub hosts_file: String,
    /// `/etc/hosts` is left as the image has it.
    pub no_hosts: bool,
}

/// A program that takes a container's packets from a tap device and speaks with the host's sockets: podman-run(1), "--network".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserMode {
    /// `pasta` or `slirp4netns`.
    pub program: String,
    /// As they were given.
    pub options: Vec<String>,
}

/// A container's place in one network.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// More names for it.
    pub aliases: Vec<String>,
    pub ips: Vec<IpAddr>,
    pub mac: Option<String>,
    pub interface: Option<String>,
}

impl Network {
    /// `80/tcp`: every port that the container listens at, as far as it was told, once.
    pub fn exposed_and_published(&self) -> BTreeSet<String> {
        let published = self.publish.iter().flat_map(Mapping::each);
        let published = published.map(|(port, ..)| port);
        published.chain(self.exposed.iter().cloned()).collect()
    }
}
