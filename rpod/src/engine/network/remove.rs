//! Networks go: podman-network-rm(1), podman-network-prune(1).

use std::fs;

use anyhow::{Context as _, Result, bail};

use super::{Network, all, default_name, file, lock, sweep};
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::container::{self, remove};
use crate::engine::{event, pod};

/// Removes a network. Containers in it are removed first if `force`, an error else.
pub fn remove(ctx: &Context, network: &Network, force: bool, timeout: Option<u64>) -> Result<()> {
    if network.name == default_name(ctx) {
        bail!("default network {} cannot be removed", network.name);
    }
    for user in users(ctx, network)? {
        if !force {
            bail!(
                "{:?} has associated containers with it. Use -f to forcibly delete containers and pods: network is being used",
                network.name
            );
        }
        match (&user.pod, user.infra) {
            (Some(id), true) => pod::remove::remove(ctx, &pod::load(ctx, id)?, true, timeout)?,
            _ => {
                remove::remove_with_dependents(ctx, &user, true, timeout)?;
            }
        }
    }
    let _lock = lock(ctx)?;
    let path = file(ctx, &network.name);
    fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
    sweep(ctx)?;
    event::network(ctx, "remove", &network.name, &network.id, &network.driver);
    Ok(())
}

/// Networks that no container is in and that may go.
pub fn unused(ctx: &Context) -> Result<Vec<Network>> {
    let containers = container::readable(ctx)?.all();
    let containers = containers.context("no network is known to be unused")?;
    let is_used = |network: &Network| {
        network.name == default_name(ctx)
            || containers
                .iter()
                .any(|container| container.network.names.contains(&network.name))
    };
    let networks = all(ctx)?;
    Ok(networks
        .into_iter()
        .filter(|network| !is_used(network))
        .collect())
}

fn users(ctx: &Context, network: &Network) -> Result<Vec<Container>> {
    let containers = container::all(ctx)?;
    Ok(containers
        .into_iter()
        .filter(|container| container.network.names.contains(&network.name))
        .collect())
}
