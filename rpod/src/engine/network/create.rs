//! A network is made: podman-network-create(1).

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;

use anyhow::{Context as _, Result, bail};
use ipnet::IpNet;

use super::{LeaseRange, Network, NetworkError, Subnet, all, config, directory, file, lock, pool};
use crate::engine::{Context, event};
use crate::store::id;
use crate::store::record::{self, Durability};

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
    pub labels: BTreeMap<String, String>,
    pub options: BTreeMap<String, String>,
}

/// Makes the network and gives it an id, and a name, a bridge and subnets if it has none.
pub fn create(ctx: &Context, wanted: Wanted) -> Result<Network> {
    let _lock = lock(ctx)?;
    let networks = all(ctx)?;
    let name = if wanted.name.is_empty() {
        pool::free_bridge(&networks)
    } else {
        wanted.name.clone()
    };
    if !config::is_name(&name) {
        bail!(
            "network name {name} invalid: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument"
        );
    }
    if networks.iter().any(|network| network.name == name) {
        return Err(NetworkError::Exists(name).into());
    }
    let mut network = Network {
        name,
        id: id::new()?,
        driver: wanted.driver.clone(),
        created: jiff::Timestamp::now().to_string(),
        internal: wanted.internal,
        labels: wanted.labels.clone(),
        options: options(&wanted)?,
        ipam_options: config::host_local(),
        ..Network::default()
    };
    network.network_interface = interface(&wanted, &networks, &mut network.options)?;
    network.subnets = subnets(&wanted, &networks)?;
    network.ipv6_enabled = wanted.ipv6
        || network
            .subnets
            .iter()
            .any(|subnet| subnet.subnet.addr().is_ipv6());
    network.dns_enabled = wanted.driver == "bridge" && !wanted.no_dns;
    let directory = directory(ctx);
    fs::create_dir_all(&directory).with_context(|| format!("making {}", directory.display()))?;
    // Podman's indent, for whoever reads the file.
    let text = crate::output::pretty(&serde_json::to_value(&network)?, 5) + "\n";
    record::replace(&file(ctx, &network.name), text.as_bytes(), Durability::Disk)?;
    event::network(ctx, "create", &network.name, &network.id, &network.driver);
    Ok(network)
}

/// `--opt`, as far as netavark knows them for the driver; docker's names too.
fn options(wanted: &Wanted) -> Result<BTreeMap<String, String>> {
    let mut known = BTreeMap::new();
    for (key, value) in &wanted.options {
        let key = match key.as_str() {
            "com.docker.network.driver.mtu" => "mtu",
            "com.docker.network.bridge.name" => "bridge_name",
            other => other,
        };
        match (wanted.driver.as_str(), key) {
            (_, "mtu") => {
                value
                    .parse::<u32>()
                    .with_context(|| format!("invalid mtu {value:?}"))?;
            }
            ("bridge", "vlan") => {
                let vlan = value.parse::<u16>();
                if !vlan.as_ref().is_ok_and(|vlan| *vlan <= 4094) {
                    bail!("vlan ID {value} must be between 0 and 4094");
                }
            }
            ("bridge", "isolate") => {
                if !["true", "false", "1", "0", "strict"].contains(&value.as_str()) {
                    bail!("invalid isolate {value:?}: true or false");
                }
            }
            ("bridge", "bridge_name") | ("macvlan", "parent") => {}
            ("macvlan", "mode")
                if ["bridge", "private", "vepa", "passthru"].contains(&value.as_str()) => {}
            (driver, _) => bail!("unsupported {driver} network option {key}"),
        }
        let value = match (key, value.as_str()) {
            ("isolate", "1") => "true".to_owned(),
            ("isolate", "0") => "false".to_owned(),
            _ => value.clone(),
        };
        known.insert(key.to_owned(), value);
    }
    Ok(known)
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
    if wanted.driver == "macvlan" {
        let parent = named.context(
            "a macvlan network needs an interface of the host: name it with --interface-name or -o parent=NAME",
        )?;
        if !std::path::Path::new("/sys/class/net")
            .join(&parent)
            .exists()
        {
            bail!("parent interface {parent} does not exist");
        }
        return Ok(parent);
    }
    let Some(name) = named else {
        return Ok(pool::free_bridge(networks));
    };
    if name.is_empty() || name.len() > 15 || name.contains(['/', ' ']) {
        bail!("bridge name {name:?} is no interface name: at most 15 letters without / and spaces");
    }
    if networks.iter().any(|other| other.network_interface == name) {
        bail!("bridge name {name} already in use");
    }
    Ok(name)
}

fn subnets(wanted: &Wanted, networks: &[Network]) -> Result<Vec<Subnet>> {
    let asked = &wanted.subnets;
    if asked.is_empty() && wanted.driver == "macvlan" {
        bail!("a macvlan network needs --subnet: addresses by DHCP are not supported");
    }
    let mut subnets = Vec::new();
    for subnet in asked {
        if subnet.addr() != subnet.network() {
            bail!(
                "subnet {subnet} is no subnet: did you mean {}",
                subnet.trunc()
            );
        }
        if wanted.driver == "bridge" {
            pool::check_free(subnet, networks)?;
        }
        subnets.push(Subnet::new(*subnet));
    }
    if asked.is_empty() {
        subnets.push(Subnet::new(pool::free_subnet(networks)?));
    }
    if wanted.ipv6 && !subnets.iter().any(|subnet| subnet.subnet.addr().is_ipv6()) {
        subnets.push(Subnet::new(pool::free_subnet_v6(networks)?));
    }
    if wanted.internal {
        // As podman: without a way out there is no gateway, but the bridge has its address.
        if !wanted.gateways.is_empty() {
            bail!("internal networks have no gateway: leave --gateway or --internal out");
        }
    }
    if asked.is_empty() && !(wanted.gateways.is_empty() && wanted.ranges.is_empty()) {
        bail!("every ip-range or gateway must have a corresponding subnet");
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
