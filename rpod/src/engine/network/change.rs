//! Containers join and leave networks: podman-network-connect(1), podman-network-disconnect(1).

use std::net::IpAddr;

use anyhow::{Result, bail};

use super::connection::{self, Connection};
use super::inspect::mode;
use super::{address, find, lock};
use crate::bundle::files;
use crate::engine::container;
use crate::engine::container::record::{Container, Endpoint};
use crate::engine::{Context, event};
use crate::store::record::Durability;
use crate::store::{Lock, Noun};

/// Connects a container to one more network: at once if it has been made, else at its next start.
pub fn connect(ctx: &Context, network: &str, id: &str, endpoint: Endpoint) -> Result<()> {
    let network = find(ctx, network)?;
    address::check(&network, &endpoint.ips)?;
    let _own = Lock::exclusive(&ctx.store.home(Noun::Container, id))?;
    let mut container = container::load(ctx, id)?;
    check_bridged(&container)?;
    let status = ctx.store.status(id)?;
    if container.network.names.contains(&network.name) {
        // As docker has it, nothing is to be done for one that will be connected when it starts.
        if !status.has_process() {
            return Ok(());
        }
        bail!(
            "container {} is already connected to network {}: network is already connected",
            container.id,
            network.name
        );
    }
    container.network.names.push(network.name.clone());
    container
        .network
        .endpoints
        .insert(network.name.clone(), endpoint);
    if status.has_process() {
        let lock = lock(ctx)?;
        let before = addresses(ctx, id)?;
        let number = container.network.names.len() - 1;
        let request = connection::request(ctx, &container, &[(number, &network.name)], &lock)?;
        let connection = connection::add(ctx, request, &lock)?;
        follow(ctx, &container, &before, &connection)?;
    }
    container.save(ctx, Durability::Disk)?;
    event::network_of(ctx, "connect", &container, &network.name);
    Ok(())
}

/// Takes a container out of a network.
pub fn disconnect(ctx: &Context, network: &str, id: &str) -> Result<()> {
    let network = find(ctx, network)?;
    let _own = Lock::exclusive(&ctx.store.home(Noun::Container, id))?;
    let mut container = container::load(ctx, id)?;
    check_bridged(&container)?;
    if !container.network.names.contains(&network.name) {
        bail!(
            "container {} is not connected to network {:?}: network is not connected",
            container.id,
            network.name
        );
    }
    container.network.names.retain(|name| *name != network.name);
    container.network.endpoints.remove(&network.name);
    if ctx.store.status(id)?.has_process() {
        let lock = lock(ctx)?;
        let before = addresses(ctx, id)?;
        connection::take_out(ctx, id, &network.name, &lock)?;
        if let Some(connection) = connection::of(ctx, id)? {
            follow(ctx, &container, &before, &connection)?;
        }
    }
    container.save(ctx, Durability::Disk)?;
    event::network_of(ctx, "disconnect", &container, &network.name);
    Ok(())
}

/// Published ports lead to where the container is now, and its files say so.
fn follow(
    ctx: &Context,
    container: &Container,
    before: &[IpAddr],
    connection: &Connection,
) -> Result<()> {
    connection::forward_ports(ctx, connection)?;
    let told = connection.told(ctx)?;
    files::renew(container, &container.run_dir(ctx), before, &told)
}

/// The addresses that the container has now.
fn addresses(ctx: &Context, id: &str) -> Result<Vec<IpAddr>> {
    let connection = connection::of(ctx, id)?;
    Ok(connection.map_or_else(Vec::new, |all| all.addresses().collect()))
}

fn check_bridged(container: &Container) -> Result<()> {
    if connection::is_bridged(container) {
        return Ok(());
    }
    bail!(
        "{:?} is not supported: invalid network mode: only a container that was made with a bridge network can be connected to others or disconnected, and {} was not",
        mode(container),
        container.name
    )
}
