//! `rpod network connect`: podman-network-connect(1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::Result;
use clap::Args;

use crate::cli::options::parse_mac;
use crate::cli::{Globals, Verb};
use crate::engine::container::record::Endpoint;
use crate::engine::network::change;
use crate::engine::{Context, container};

#[derive(Args, Debug)]
pub struct Connect {
    /// Network-scoped alias for the container
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    alias: Vec<String>,
    /// Static IPv4 address for this container on this network
    #[arg(long, value_name = "IP")]
    ip: Option<Ipv4Addr>,
    /// Static IPv6 address for this container on this network
    #[arg(long, value_name = "IP")]
    ip6: Option<Ipv6Addr>,
    /// Static MAC address for this container on this network
    #[arg(long, value_name = "MAC")]
    mac_address: Option<String>,
    /// Name or ID of a network
    network: String,
    /// Name or ID of a container
    container: String,
}

impl Verb for Connect {
    const NAME: &'static str = "connect";
    const ABOUT: &'static str = "Add container to a network";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let container = container::find(&ctx, &self.container)?;
        let ips = self.ip.map(IpAddr::from);
        let endpoint = Endpoint {
            aliases: self.alias,
            ips: ips.into_iter().chain(self.ip6.map(IpAddr::from)).collect(),
            mac: self.mac_address.as_deref().map(parse_mac).transpose()?,
            interface: None,
        };
        change::connect(&ctx, &self.network, &container.id, endpoint)?;
        Ok(0)
    }
}
