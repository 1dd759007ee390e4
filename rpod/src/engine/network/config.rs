//! A network's file: podman's keys, in podman's order.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Context as _, Result};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::engine::Context;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    pub name: String,
    pub id: String,
    pub driver: String,
    /// The bridge, or the host's interface that a macvlan is made on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub network_interface: String,
    /// RFC 3339.
    pub created: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<Subnet>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    pub ipv6_enabled: bool,
    pub internal: bool,
    pub dns_enabled: bool,
    /// Where names are looked up that are none of its containers'.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub network_dns_servers: Vec<IpAddr>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    pub ipam_options: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Subnet {
    pub subnet: IpNet,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_range: Option<LeaseRange>,
}

/// A route that every container of the network gets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Route {
    pub destination: IpNet,
    pub gateway: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeaseRange {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_ip: Option<IpAddr>,
}

/// The id that podman's default network has everywhere.
const DEFAULT_ID: &str = "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9";

impl Network {
    /// The network that is there without being made.
    pub(super) fn default_of(ctx: &Context) -> Result<Network> {
        let configured = &ctx.config.containers_conf.network;
        let subnet = configured
            .default_subnet
            .as_deref()
            .unwrap_or("10.88.0.0/16");
        let subnet: IpNet = subnet.parse().with_context(|| {
            format!("default_subnet {subnet:?} of containers.conf is no subnet")
        })?;
        Ok(Network {
            name: super::default_name(ctx).to_owned(),
            id: DEFAULT_ID.to_owned(),
            driver: "bridge".to_owned(),
            network_interface: "podman0".to_owned(),
            created: jiff::Timestamp::now().to_string(),
            subnets: vec![Subnet::new(subnet)],
            ipam_options: ipam("host-local"),
            ..Network::default()
        })
    }
}

impl Subnet {
    /// With its first address as the gateway.
    pub fn new(subnet: IpNet) -> Subnet {
        Subnet {
            subnet,
            // An IPv6 subnet's own address is every router's (RFC 4291, 2.6.1), so it is nobody's in particular.
            gateway: match subnet {
                IpNet::V4(subnet) => subnet.hosts().next().map(IpAddr::from),
                IpNet::V6(subnet) => subnet.hosts().nth(1).map(IpAddr::from),
            },
            lease_range: None,
        }
    }
}

/// Who gives a network's addresses.
pub(super) fn ipam(driver: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("driver".to_owned(), driver.to_owned())])
}

/// What a network may be called, so that it is also a file's name.
pub(super) fn is_name(text: &str) -> bool {
    crate::store::names::is_valid(text)
}
