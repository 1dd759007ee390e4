//! What netavark is told of a container: its places in its networks, with the addresses that are chosen for it.

use std::fs;
use std::net::IpAddr;

use anyhow::Result;

use super::super::netavark::{Place, Request};
use super::super::{Network, address, find};
use super::taken::taken;
use crate::engine::Context;
use crate::engine::container::record::{Container, Endpoint};
use crate::store::record::{self, Durability};
use crate::store::{Lock, id};

/// What netavark is told about these of the container's networks, which are named with the numbers of their interfaces.
pub(in crate::engine::network) fn request(
    ctx: &Context,
    container: &Container,
    names: &[(usize, &String)],
    _lock: &Lock,
) -> Result<Request> {
    let mut request = Request {
        container_id: container.id.clone(),
        container_name: container.name.clone(),
        port_mappings: container.network.publish.clone(),
        dns_servers: asked_servers(container),
        ..Request::default()
    };
    for (number, name) in names {
        let network = find(ctx, name)?;
        let endpoint = container.network.endpoints.get(*name);
        let endpoint = endpoint.cloned().unwrap_or_default();
        let place = place(ctx, &network, &endpoint, container, *number)?;
        request.networks.insert(network.name.clone(), place);
        request.network_info.insert(network.name.clone(), network);
    }
    Ok(request)
}

/// `--dns none` names no server.
fn asked_servers(container: &Container) -> Vec<IpAddr> {
    let asked = container.network.dns.iter();
    asked.filter_map(|text| text.parse().ok()).collect()
}

/// By what other names others in a network find the container: those that were asked for, its short id, its host name if it was
/// given one.
pub(in crate::engine::network) fn aliases(container: &Container, network: &str) -> Vec<String> {
    let asked = container.network.endpoints.get(network);
    let mut aliases = asked.map_or_else(Vec::new, |endpoint| endpoint.aliases.clone());
    aliases.push(id::short(&container.id).to_owned());
    aliases.extend(container.hostname.clone());
    aliases
}

fn place(
    ctx: &Context,
    network: &Network,
    asked: &Endpoint,
    container: &Container,
    number: usize,
) -> Result<Place> {
    let taken = taken(ctx, network)?;
    let mark = ctx
        .store
        .runroot
        .join("networks")
        .join(format!("{}.last", network.name));
    let last = fs::read_to_string(&mark)
        .ok()
        .and_then(|text| text.trim().parse().ok());
    let ips = address::choose(network, &asked.ips, &taken, last)?;
    if let (true, Some(first)) = (asked.ips.is_empty(), ips.first()) {
        // Only so that the next container gets another one than the last that ended; it may be lost.
        record::replace(&mark, first.to_string().as_bytes(), Durability::Process)?;
    }
    Ok(Place {
        static_ips: ips,
        aliases: aliases(container, &network.name),
        static_mac: asked.mac.clone(),
        interface_name: asked
            .interface
            .clone()
            .unwrap_or_else(|| format!("eth{number}")),
    })
}
