//! What containers have already: read from the files of all connections, so that there is no list that could disagree with them.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::super::netavark::Request;
use super::super::port::Mapping;
use super::super::{Network, host};
use super::Connection;
use crate::engine::{Context, rootless};
use crate::output::log;
use crate::store::{id, record};

/// All connections, by container.
pub fn all(ctx: &Context) -> Result<BTreeMap<String, Connection>> {
    all_of(&ctx.store.runroot)
}

/// Those of other stores, too: they meet on the host's bridges and ports.
fn all_of_host(ctx: &Context) -> Result<Vec<(String, Connection)>> {
    let mut found: Vec<_> = all(ctx)?.into_iter().collect();
    for runroot in host::neighbours(ctx)? {
        // What is damaged there is not for this store to tell.
        found.extend(all_of(&runroot).unwrap_or_default());
    }
    Ok(found)
}

fn all_of(runroot: &Path) -> Result<BTreeMap<String, Connection>> {
    let directory = runroot.join("netns");
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("listing {}", directory.display()));
        }
    };
    let mut all = BTreeMap::new();
    for entry in entries {
        let name = entry
            .with_context(|| format!("listing {}", directory.display()))?
            .file_name();
        if let Some(container) = name.to_str().and_then(|name| name.strip_suffix(".json"))
            && id::is_whole(container)
            && let Some(connection) = record::load_if_there(&directory.join(&name))?
        {
            all.insert(container.to_owned(), connection);
        }
    }
    Ok(all)
}

/// Who has which address, in the network and in others that are on the same interface.
pub(super) fn taken(ctx: &Context, network: &Network) -> Result<HashMap<IpAddr, String>> {
    let mut taken = HashMap::new();
    for (container, connection) in all_of_host(ctx)? {
        for (name, place) in &connection.request.networks {
            let interface = connection
                .request
                .network_info
                .get(name)
                .map(|info| &info.network_interface);
            let meets = interface.is_some_and(|interface| {
                *interface == network.network_interface && !interface.is_empty()
            });
            if meets || *name == network.name {
                taken.extend(place.static_ips.iter().map(|ip| (*ip, container.clone())));
            }
        }
    }
    Ok(taken)
}

/// Ports that another container has, or any process of the host, cannot be published. Root's are kept by the answer; an ordinary
/// user's by who forwards them.
pub(super) fn take_ports(ctx: &Context, request: &Request) -> Result<Vec<OwnedFd>> {
    let wanted: &[Mapping] = &request.port_mappings;
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    for (container, other) in all_of_host(ctx)? {
        let theirs = &other.request.port_mappings;
        if let Some(mapping) = wanted
            .iter()
            .find(|mapping| theirs.iter().any(|other| mapping.meets(other)))
        {
            bail!(
                "cannot publish {}: container {} has the port already: address already in use",
                mapping.shown(),
                other.request.container_name_or(&container)
            );
        }
    }
    let engine = &ctx.config.containers_conf.engine;
    if rootless() || engine.enable_port_reservation == Some(false) {
        wanted.iter().try_for_each(Mapping::check_free)?;
        return Ok(Vec::new());
    }
    if wanted.iter().any(|mapping| mapping.protocol == "sctp") {
        log::info(|| "Port reservation for SCTP is not supported".to_owned());
    }
    let mut taken = Vec::new();
    for mapping in wanted {
        taken.extend(mapping.take()?);
    }
    Ok(taken)
}

impl Request {
    fn container_name_or<'a>(&'a self, id: &'a str) -> &'a str {
        if self.container_name.is_empty() {
            id
        } else {
            &self.container_name
        }
    }
}
