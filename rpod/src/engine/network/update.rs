//! A network's own name servers change, for containers that run, too: podman-network-update(1).

use std::net::IpAddr;

use anyhow::{Context as _, Result, bail};

use super::create::save;
use super::{Network, connection, lock, netavark};
use crate::engine::Context;

/// Adds and drops servers that the network's names are looked up at which it does not know itself.
pub fn dns(ctx: &Context, network: &str, add: &[IpAddr], drop: &[IpAddr]) -> Result<()> {
    let _lock = lock(ctx)?;
    let mut network: Network = super::find(ctx, network)?;
    if !network.dns_enabled {
        bail!(
            "network {} answers no names, so it has no name servers: DNS is disabled",
            network.name
        );
    }
    let servers = &mut network.network_dns_servers;
    for server in drop {
        if !servers.contains(server) && !add.contains(server) {
            bail!(
                "network {} has no name server {server} that could be dropped",
                network.name
            );
        }
    }
    for server in add {
        if !servers.contains(server) {
            servers.push(*server);
        }
    }
    servers.retain(|server| !drop.contains(server));
    // First those who look up names now: a network whose file has the new servers is not to have the old ones at work.
    let is_used = |connection: &connection::Connection| {
        connection.request.networks.contains_key(&network.name)
    };
    if connection::all(ctx)?.values().any(is_used) {
        let servers = &network.network_dns_servers;
        let updated = netavark::update(ctx, &network.name, servers);
        if servers.is_empty() {
            updated.context(
                "dropping the last name server while containers are connected: stop them first, or add another",
            )?;
        } else {
            updated?;
        }
    }
    save(ctx, &network)
}
