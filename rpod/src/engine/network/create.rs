//! A network is made: podman-network-create(1).

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result, bail};
use ipnet::IpNet;

use super::{
    LeaseRange, Network, NetworkError, Route, Subnet, all, config, directory, driver, file, lock,
    pool, readable, sweep,
};
use crate::engine::{Context, event};
use crate::store::record::{self, Durability};
use crate::store::{id, names};

/// What was asked for.
#[derive(Debug, Default)]
pub struct Wanted {
    pub name: String,
    pub driver: String,
    pub subnets: Vec<IpNet>,
    pub gateways: Vec<IpAddr>,
    /// A subnet, or `FIRST-LAST`.
    pub ranges: Vec<String>,
    pub interface: Option<String>,
    pub ipv6: bool,
    pub internal: bool,
    pub no_dns: bool,
    /// Where names are looked up that are none of its containers'.
    pub dns: Vec<IpAddr>,
    /// `host-local`, `dhcp` or `none`.
    pub ipam: Option<String>,
    /// `DESTINATION,GATEWAY[,METRIC]`.
    pub routes: Vec<String>,
    pub labels: BTreeMap<String, String>,
    pub options: BTreeMap<String, String>,
}

/// Makes the network and gives it an id, and a name, a bridge and subnets if it has none.
pub fn create(ctx: &Context, wanted: Wanted) -> Result<Network> {
    let _lock = lock(ctx)?;
    // Its bridge and its addresses are to be nobody else's.
    readable(ctx)?
        .all()
        .context("a network is made when all others are known")?;
    let networks = all(ctx)?;
    let name = if wanted.name.is_empty() {
        pool::free_bridge(&networks)
    } else {
        wanted.name.clone()
    };
    const MODES: [&str; 9] = [
        "none",
        "host",
        "bridge",
        "private",
        "slirp4netns",
        "pasta",
        "container",
        "ns",
        "default",
    ];
    if MODES.contains(&name.as_str()) {
        bail!(
            "cannot create network with name {name:?} because it conflicts with a valid network mode"
        );
    }
    names::check(&name).with_context(|| format!("network name {name} invalid"))?;
    if networks.iter().any(|network| network.name == name) {
        return Err(NetworkError::Exists(name).into());
    }
    let routes = wanted.routes.iter().map(|text| route(text));
    let routes = routes.collect::<Result<_>>()?;
    driver::check(ctx, &wanted)?;
    let ipam = driver::ipam(ctx, &wanted)?;
    let mut network = Network {
        name,
        id: id::new()?,
        driver: wanted.driver.clone(),
        created: jiff::Timestamp::now().to_string(),
        internal: wanted.internal,
        labels: wanted.labels.clone(),
        options: driver::options(ctx, &wanted)?,
        ipam_options: config::ipam(ipam),
        routes,
        network_dns_servers: wanted.dns.clone(),
        ..Network::default()
    };
    network.network_interface = interface(&wanted, &networks, &mut network.options)?;
    network.subnets = subnets(&wanted, &networks, ipam)?;
    network.ipv6_enabled = wanted.ipv6
        || network
            .subnets
            .iter()
            .any(|subnet| subnet.subnet.addr().is_ipv6());
    // Who has no address can neither ask nor be asked for.
    network.dns_enabled = wanted.driver == "bridge" && ipam != "none" && !wanted.no_dns;
    save(ctx, &network)?;
    event::network(ctx, "create", &network.name, &network.id, &network.driver);
    Ok(network)
}

/// Writes the network's file. The caller holds the lock.
pub(super) fn save(ctx: &Context, network: &Network) -> Result<()> {
    let directory = directory(ctx);
    fs::create_dir_all(&directory).with_context(|| format!("making {}", directory.display()))?;
    sweep(ctx)?;
    // Podman's indent, for whoever reads the file.
    let text = crate::output::pretty(&serde_json::to_value(network)?, 5) + "\n";
    record::replace(&file(ctx, &network.name), text.as_bytes(), Durability::Disk)
}

fn route(text: &str) -> Result<Route> {
    let (to, by, metric) = match text.split(',').collect::<Vec<_>>()[..] {
        [to, by] => (to, by, None),
        [to, by, metric] => (to, by, Some(metric)),
        _ => bail!(
            "invalid route: {text}\nFormat: --route <destination in CIDR>,<gateway>,<metric (optional)>"
        ),
    };
    let destination: Option<IpNet> = to.parse().ok();
    let destination = destination.with_context(|| format!("invalid route destination {to}"))?;
    let gateway: Option<IpAddr> = by.parse().ok();
    let gateway = gateway.with_context(|| format!("invalid route gateway {by}"))?;
    if destination.addr().is_ipv4() != gateway.is_ipv4() {
        bail!("invalid route gateway {by}: {to} has addresses of the other kind");
    }
    let metric = metric.map(|metric| {
        let number: Option<u32> = metric.parse().ok();
        number.with_context(|| format!("invalid route metric {metric}"))
    });
    Ok(Route {
        destination: destination.trunc(),
        gateway,
        metric: metric.transpose()?,
    })
}

fn interface(
    wanted: &Wanted,
    networks: &[Network],
    options: &mut BTreeMap<String, String>,
) -> Result<String> {
    let named = options
        .remove("bridge_name")
        .or_else(|| options.remove("parent"))
        .or_else(|| wanted.interface.clone());
    if wanted.driver != "bridge" {
        // Without a name, netavark takes the one with the default route.
        let parent = named.unwrap_or_default();
        let known = std::path::Path::new("/sys/class/net");
        if !parent.is_empty() && !known.join(&parent).exists() {
            bail!("parent interface {parent} does not exist");
        }
        return Ok(parent);
    }
    let is_unmanaged = options.get("mode").is_some_and(|mode| mode == "unmanaged");
    if is_unmanaged && named.is_none() {
        bail!("a bridge that is not managed has to be named: --interface-name NAME");
    }
    let Some(name) = named else {
        return Ok(pool::free_bridge(networks));
    };
    if name.is_empty() || name.len() > 15 || name.contains(['/', ' ']) {
        bail!("bridge name {name:?} is no interface name: at most 15 letters without / and spaces");
    }
    if !is_unmanaged && networks.iter().any(|other| other.network_interface == name) {
        bail!("bridge name {name} already in use");
    }
    Ok(name)
}

fn subnets(wanted: &Wanted, networks: &[Network], ipam: &str) -> Result<Vec<Subnet>> {
    let asked = &wanted.subnets;
    if asked.is_empty() && !(wanted.gateways.is_empty() && wanted.ranges.is_empty()) {
        bail!("cannot set gateway or range without subnet");
    }
    if wanted.gateways.len() > asked.len() {
        bail!("cannot set more gateways than subnets");
    }
    if wanted.ranges.len() > asked.len() {
        bail!("cannot set more ranges than subnets");
    }
    let mut subnets = Vec::new();
    for subnet in asked.iter().map(IpNet::trunc) {
        if wanted.driver == "bridge" {
            pool::check_free(&subnet, networks)?;
        }
        subnets.push(Subnet::new(subnet));
    }
    if ipam != "host-local" {
        return Ok(subnets);
    }
    let has = |subnets: &[Subnet], v6: bool| {
        let mut all = subnets.iter();
        all.any(|subnet| subnet.subnet.addr().is_ipv6() == v6)
    };
    // Who asks for IPv6 has both; who asks for a subnet has that.
    if asked.is_empty() || wanted.ipv6 && !has(&subnets, false) {
        subnets.push(Subnet::new(pool::free_subnet(networks)?));
    }
    if wanted.ipv6 && !has(&subnets, true) {
        subnets.push(Subnet::new(pool::free_subnet_v6(networks)?));
    }
    // The first of each is the first subnet's.
    for (subnet, gateway) in subnets.iter_mut().zip(&wanted.gateways) {
        within(&subnet.subnet, gateway, "gateway")?;
        subnet.gateway = Some(*gateway);
    }
    for (subnet, range) in subnets.iter_mut().zip(&wanted.ranges) {
        let (start, end) = parse_range(range)?;
        within(&subnet.subnet, &start, "lease range start ip")?;
        within(&subnet.subnet, &end, "lease range end ip")?;
        subnet.lease_range = Some(LeaseRange {
            start_ip: Some(start),
            end_ip: Some(end),
        });
    }
    Ok(subnets)
}

fn within(subnet: &IpNet, address: &IpAddr, what: &str) -> Result<()> {
    if !subnet.contains(address) {
        bail!("{what} {address} not in subnet {subnet}");
    }
    Ok(())
}

fn parse_range(text: &str) -> Result<(IpAddr, IpAddr)> {
    if let Some((first, last)) = text.split_once('-') {
        let end = |which: &str, text: &str| {
            let address: Option<IpAddr> = text.parse().ok();
            address.with_context(|| format!("range {which} ip {text:?} is not a ip address"))
        };
        return Ok((end("start", first)?, end("end", last)?));
    }
    let net: Option<IpNet> = text.parse().ok();
    let net = net.with_context(|| format!("invalid CIDR address: {text}"))?;
    // The subnet's own address is nobody's.
    let first = match net.network() {
        own if net.prefix_len() == net.max_prefix_len() => own,
        IpAddr::V4(own) => Ipv4Addr::from_bits(own.to_bits() + 1).into(),
        IpAddr::V6(own) => Ipv6Addr::from_bits(own.to_bits() + 1).into(),
    };
    Ok((first, net.broadcast()))
}
