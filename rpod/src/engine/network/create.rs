//! A network is made: podman-network-create(1).

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;

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
    let wrong = || format!("invalid route {text:?}: write DESTINATION,GATEWAY[,METRIC]");
    let mut parts = text.split(',');
    let mut next = || parts.next().with_context(wrong);
    let destination: IpNet = next()?.parse().with_context(wrong)?;
    let gateway: IpAddr = next()?.parse().with_context(wrong)?;
    let metric = parts.next().map(|part| part.parse().with_context(wrong));
    if parts.next().is_some() || destination.addr().is_ipv4() != gateway.is_ipv4() {
        bail!(wrong());
    }
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
    for gateway in &wanted.gateways {
        in_subnet(&mut subnets, gateway)?.gateway = Some(*gateway);
    }
    for range in &wanted.ranges {
        let (start, end) = parse_range(range)?;
        in_subnet(&mut subnets, &end)?;
        in_subnet(&mut subnets, &start)?.lease_range = Some(LeaseRange {
            start_ip: Some(start),
            end_ip: Some(end),
        });
    }
    Ok(subnets)
}

fn in_subnet<'a>(subnets: &'a mut [Subnet], address: &IpAddr) -> Result<&'a mut Subnet> {
    let found = subnets
        .iter_mut()
        .find(|subnet| subnet.subnet.contains(address));
    found.with_context(|| format!("{address} is in none of the network's subnets"))
}

fn parse_range(text: &str) -> Result<(IpAddr, IpAddr)> {
    let invalid = || format!("invalid ip-range {text:?}: want a subnet or FIRST-LAST");
    if let Some((first, last)) = text.split_once('-') {
        return Ok((
            first.parse().with_context(invalid)?,
            last.parse().with_context(invalid)?,
        ));
    }
    let net: IpNet = text.parse().with_context(invalid)?;
    // What is the subnet's own or its broadcast address is left out when addresses are given.
    Ok((net.network(), net.broadcast()))
}
