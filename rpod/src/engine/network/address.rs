//! Addresses of containers on a network.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result, bail};
use ipnet::IpNet;

use super::{Network, Subnet};

/// One address of every subnet of the network: the one that was asked for, else the next after `last` that nobody has.
pub(super) fn choose(
    network: &Network,
    asked: &[IpAddr],
    taken: &HashMap<IpAddr, String>,
    last: Option<IpAddr>,
) -> Result<Vec<IpAddr>> {
    check(network, asked)?;
    for address in asked {
        if let Some(owner) = taken.get(address) {
            bail!(
                "IPAM error: requested ip address {address} is already allocated to container ID {owner}"
            );
        }
    }
    let mut chosen = Vec::new();
    for subnet in &network.subnets {
        let mut fixed = asked
            .iter()
            .filter(|address| subnet.subnet.contains(*address))
            .peekable();
        if fixed.peek().is_some() {
            chosen.extend(fixed);
        } else {
            chosen.push(free(network, subnet, taken, last)?);
        }
    }
    Ok(chosen)
}

/// An address that is asked for has to be in a subnet of the network.
pub fn check(network: &Network, asked: &[IpAddr]) -> Result<()> {
    for address in asked {
        let is_inside = |subnet: &Subnet| subnet.subnet.contains(address);
        if !network.subnets.iter().any(is_inside) {
            bail!(
                "requested static ip {address} not in any subnet on network {}",
                network.name
            );
        }
    }
    Ok(())
}

fn free(
    network: &Network,
    subnet: &Subnet,
    taken: &HashMap<IpAddr, String>,
    last: Option<IpAddr>,
) -> Result<IpAddr> {
    let (first, end) = range(subnet)?;
    let is_v4 = subnet.subnet.addr().is_ipv4();
    let after = last
        .filter(|last| subnet.subnet.contains(last))
        .map_or(first, |last| number(last) + 1);
    let begin = if (first..=end).contains(&after) {
        after
    } else {
        first
    };
    // Each that is taken costs one step, so this ends.
    for at in (begin..=end).chain(first..begin) {
        let address = address(at, is_v4);
        if Some(address) != subnet.gateway && !taken.contains_key(&address) {
            return Ok(address);
        }
    }
    bail!(
        "IPAM error: failed to find free IP in range: {} - {} on network {}",
        address(first, is_v4),
        address(end, is_v4),
        network.name
    )
}

/// The first and the last address that may be given, without the subnet's own and its broadcast address.
fn range(subnet: &Subnet) -> Result<(u128, u128)> {
    let net: &IpNet = &subnet.subnet;
    let (low, high) = (number(net.network()), number(net.broadcast()));
    let is_tiny = net.max_prefix_len() - net.prefix_len() < 2;
    let (mut first, mut end) = if is_tiny {
        (low, high)
    } else if net.addr().is_ipv4() {
        (low + 1, high - 1)
    } else {
        (low + 1, high)
    };
    if let Some(range) = &subnet.lease_range {
        first = range.start_ip.map_or(first, |ip| number(ip).max(first));
        end = range.end_ip.map_or(end, |ip| number(ip).min(end));
    }
    (first <= end)
        .then_some((first, end))
        .with_context(|| format!("the range of addresses in {net} is empty"))
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

fn address(number: u128, is_v4: bool) -> IpAddr {
    match u32::try_from(number) {
        Ok(number) if is_v4 => Ipv4Addr::from(number).into(),
        _ => Ipv6Addr::from(number).into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn network(subnets: &[&str]) -> Network {
        Network {
            subnets: subnets
                .iter()
                .map(|text| Subnet::new(text.parse().unwrap()))
                .collect(),
            ..Network::default()
        }
    }

    fn one(network: &Network, taken: &HashMap<IpAddr, String>, last: &str) -> String {
        choose(network, &[], taken, last.parse().ok()).unwrap()[0].to_string()
    }

    #[test]
    fn the_next_address_after_the_last() {
        let network = network(&["10.0.0.0/29"]);
        let mut taken = HashMap::new();
        assert_eq!(one(&network, &taken, ""), "10.0.0.2");
        assert_eq!(one(&network, &taken, "10.0.0.2"), "10.0.0.3");
        taken.insert("10.0.0.2".parse().unwrap(), "a".to_owned());
        assert_eq!(one(&network, &taken, "10.0.0.6"), "10.0.0.3");
        for last in 2..=6 {
            taken.insert(format!("10.0.0.{last}").parse().unwrap(), "a".to_owned());
        }
        assert!(choose(&network, &[], &taken, None).is_err());
    }

    #[test]
    fn what_is_asked_for_has_to_be_free_and_inside() {
        let network = network(&["10.0.0.0/24", "fd00::/64"]);
        let asked: IpAddr = "10.0.0.9".parse().unwrap();
        let chosen = choose(&network, &[asked], &HashMap::new(), None).unwrap();
        assert_eq!(chosen, [asked, "fd00::2".parse().unwrap()]);
        let taken = HashMap::from([(asked, "x".to_owned())]);
        assert!(choose(&network, &[asked], &taken, None).is_err());
        assert!(choose(&network, &["10.0.1.1".parse().unwrap()], &taken, None).is_err());
    }

    proptest! {
        #[test]
        fn addresses_are_inside_and_not_taken(prefix in 16u8..=30, last in any::<u32>(), taken in proptest::collection::hash_set(any::<u16>(), 0..20)) {
            let network = network(&[&format!("10.1.0.0/{prefix}")]);
            let taken: HashMap<IpAddr, String> = taken
                .into_iter()
                .map(|low| (Ipv4Addr::from(0x0a01_0000 | u32::from(low)).into(), "x".to_owned()))
                .collect();
            if let Ok(chosen) = choose(&network, &[], &taken, Some(Ipv4Addr::from(last).into())) {
                let subnet = &network.subnets[0];
                prop_assert!(subnet.subnet.contains(&chosen[0]) && !taken.contains_key(&chosen[0]));
                prop_assert!(chosen[0] != subnet.subnet.network() && chosen[0] != subnet.subnet.broadcast());
                prop_assert!(Some(chosen[0]) != subnet.gateway);
            }
        }
    }
}
