//! Subnets and bridges that nobody uses yet.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context as _, Result, bail};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::Network;

/// Where subnets of new networks come from, and their size: containers.conf(5), "default_subnet_pools".
const POOLS: [(Ipv4Net, u8); 5] = [
    (pool(10, 89, 16), 24),
    (pool(10, 90, 15), 24),
    (pool(10, 92, 14), 24),
    (pool(10, 96, 11), 24),
    (pool(10, 128, 9), 24),
];

const fn pool(a: u8, b: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, 0, 0), prefix)
}

/// A subnet that no network and no interface of the host is in.
pub(super) fn free_subnet(networks: &[Network]) -> Result<IpNet> {
    let used = used(networks)?;
    for (pool, size) in POOLS {
        let mut subnets = pool
            .subnets(size)
            .context("a pool is smaller than its subnets")?;
        if let Some(free) = subnets.find(|subnet| is_free(&IpNet::V4(*subnet), &used)) {
            return Ok(free.into());
        }
    }
    bail!("could not find free subnet from subnet pools")
}

/// A random subnet of the addresses that are private to a site (RFC 4193).
pub(super) fn free_subnet_v6(networks: &[Network]) -> Result<IpNet> {
    let used = used(networks)?;
    for _ in 0..100 {
        let mut bytes = [0u8; 16];
        getrandom::fill(&mut bytes[1..8])
            .map_err(|error| anyhow::anyhow!("reading random bytes for a subnet: {error}"))?;
        bytes[0] = 0xfd;
        let subnet = IpNet::V6(Ipv6Net::new(bytes.into(), 64)?);
        if is_free(&subnet, &used) {
            return Ok(subnet);
        }
    }
    bail!("failed to get random ipv6 subnet")
}

/// A subnet that was asked for must be nobody else's.
pub(super) fn check_free(subnet: &IpNet, networks: &[Network]) -> Result<()> {
    if is_free(subnet, &used(networks)?) {
        Ok(())
    } else {
        bail!("subnet {subnet} is already used on the host or by another config")
    }
}

fn is_free(subnet: &IpNet, used: &[IpNet]) -> bool {
    !used
        .iter()
        .any(|other| other.contains(&subnet.network()) || subnet.contains(&other.network()))
}

fn used(networks: &[Network]) -> Result<Vec<IpNet>> {
    let mut used: Vec<IpNet> = networks
        .iter()
        .flat_map(|network| network.subnets.iter().map(|subnet| subnet.subnet.trunc()))
        .collect();
    for interface in nix::ifaddrs::getifaddrs().context("listing the host's interfaces")? {
        let address = interface.address.as_ref().and_then(ip_of);
        let mask = interface.netmask.as_ref().and_then(ip_of);
        if let (Some(address), Some(mask)) = (address, mask)
            && let Ok(net) = IpNet::with_netmask(address, mask)
        {
            used.push(net.trunc());
        }
    }
    Ok(used)
}

fn ip_of(address: &nix::sys::socket::SockaddrStorage) -> Option<IpAddr> {
    match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
        (Some(v4), _) => Some(v4.ip().into()),
        (_, Some(v6)) => Some(v6.ip().into()),
        _ => None,
    }
}

/// `podman1`, `podman2`, …: the first that is no interface and in no network's file.
pub(super) fn free_bridge(networks: &[Network]) -> String {
    let is_free = |name: &String| {
        !networks
            .iter()
            .any(|network| network.network_interface == *name)
            && !std::path::Path::new("/sys/class/net").join(name).exists()
    };
    (1..)
        .map(|number: u32| format!("podman{number}"))
        .find(is_free)
        .unwrap_or_else(|| "podman".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::network::Subnet;

    #[test]
    fn a_new_subnet_is_nobody_elses() {
        let first = free_subnet(&[]).unwrap();
        let taken = Network {
            subnets: vec![Subnet::new(first)],
            network_interface: "podman1".into(),
            ..Network::default()
        };
        let second = free_subnet(std::slice::from_ref(&taken)).unwrap();
        assert_ne!(first, second);
        assert!(check_free(&first, std::slice::from_ref(&taken)).is_err());
        assert_ne!(free_bridge(&[taken]), "podman1");
        assert!(check_free(&"127.0.0.0/24".parse().unwrap(), &[]).is_err());
    }
}
