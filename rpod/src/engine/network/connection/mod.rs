//! A container's connection to its networks: made before it is, undone after it has ended.

mod request;
mod taken;

use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

pub(super) use request::{aliases, request};
pub use taken::all;
use taken::take_ports;

use super::netavark::{self, Action, Answer, Interface, Request};
use super::user_mode::{self, Link};
use super::{forward, host, lock, namespace, shared};
use crate::engine::container::record::{Container, Namespace, UserMode};
use crate::engine::user_namespace::namespace::{self as users, make_network};
use crate::engine::{Context, rootless};
use crate::store::Lock;
use crate::store::directory::remove_if_there;
use crate::store::record::{self, Durability};

/// What a container is connected to now.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Connection {
    pub request: Request,
    /// Empty until netavark has answered.
    #[serde(default)]
    pub answer: Answer,
    /// What a program of the user's has made, where no bridge is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
}

impl Connection {
    /// Its interface in a network, with the address and gateway of each subnet.
    pub fn interface(&self, network: &str) -> Option<(&String, &Interface)> {
        self.answer.get(network)?.interfaces.iter().next()
    }

    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let interfaces = self.answer.values().flat_map(|s| s.interfaces.values());
        let bridged = interfaces.flat_map(|i| i.subnets.iter().map(|s| s.ipnet.addr()));
        let linked = self
            .link
            .iter()
            .flat_map(|link| link.addresses.iter().copied());
        bridged.chain(linked)
    }

    /// Where the host can be reached: by the gateway, where that is the host.
    pub fn host(&self, ctx: &Context) -> Result<Option<IpAddr>> {
        host(ctx, || match &self.link {
            Some(link) => Ok(link.host),
            None if rootless() => Ok(shared::link(ctx)?.host),
            None => Ok(self.gateways().next()),
        })
    }

    /// Name servers of the program that connects an ordinary user's containers to the host's network.
    pub fn forwarders(&self, ctx: &Context) -> Result<Vec<IpAddr>> {
        match &self.link {
            Some(link) if !link.dns.is_empty() => Ok(link.dns.clone()),
            _ if rootless() => Ok(shared::link(ctx)?.dns),
            _ => Ok(Vec::new()),
        }
    }

    pub fn gateways(&self) -> impl Iterator<Item = IpAddr> {
        let interfaces = self.answer.values().flat_map(|s| s.interfaces.values());
        interfaces.flat_map(|interface| interface.subnets.iter().filter_map(|s| s.gateway))
    }
}

/// Where the host can be reached, if containers.conf does not say it otherwise.
pub fn host(
    ctx: &Context,
    known: impl FnOnce() -> Result<Option<IpAddr>>,
) -> Result<Option<IpAddr>> {
    let configured = &ctx.config.containers_conf.containers;
    match configured.host_containers_internal_ip.as_deref() {
        None | Some("") => known(),
        Some("none") => Ok(None),
        Some(address) => address
            .parse()
            .map(Some)
            .with_context(|| format!("host_containers_internal_ip {address:?} of containers.conf")),
    }
}

fn file(ctx: &Context, container: &str) -> PathBuf {
    let mut name = namespace::path(ctx, container).into_os_string();
    name.push(".json");
    name.into()
}

/// What the container is connected to; nothing if it is not.
pub fn of(ctx: &Context, container: &str) -> Result<Option<Connection>> {
    record::load_if_there(&file(ctx, container))
}

/// The namespace of a connected container.
pub fn netns(ctx: &Context, container: &str) -> PathBuf {
    namespace::path(ctx, container)
}

/// Whether the container gets a network namespace with interfaces of its own.
pub fn is_wanted(container: &Container) -> bool {
    is_bridged(container)
        || container.namespaces.net == Namespace::Private && container.network.user_mode.is_some()
}

/// Whether it can be connected to networks.
pub fn is_bridged(container: &Container) -> bool {
    container.namespaces.net == Namespace::Private && container.network.bridged
}

/// Makes the container's network namespace and connects it to the networks that it asks for.
/// The sockets keep the ports of the host that lead to it.
pub fn up(ctx: &Context, container: &Container) -> Result<(Connection, Vec<OwnedFd>)> {
    let lock = lock(ctx)?;
    down_locked(ctx, &container.id, &lock)?;
    host::enter(ctx)?;
    let connected: Result<_> = (|| {
        let netns = namespace::path(ctx, &container.id);
        match users::of(ctx, container) {
            None => namespace::make(&netns)?,
            Some(users) => make_network(&netns, &users)?,
        }
        if let Some(mode) = &container.network.user_mode {
            return Ok((link(ctx, container, mode, &netns)?, Vec::new()));
        }
        let asked: Vec<_> = container.network.names.iter().enumerate().collect();
        if asked.is_empty() {
            return Ok((Connection::default(), Vec::new()));
        }
        let request = request(ctx, container, &asked, &lock)?;
        let ports = take_ports(ctx, &request)?;
        let connection = add(ctx, request, &lock)?;
        forward_ports(ctx, &connection)?;
        Ok((connection, ports))
    })();
    if connected.is_err() {
        down_locked(ctx, &container.id, &lock)?;
    }
    connected.with_context(|| format!("connecting container {} to its networks", container.name))
}

/// Has a program of the user's connect the container.
fn link(ctx: &Context, container: &Container, mode: &UserMode, netns: &Path) -> Result<Connection> {
    let mut connection = Connection {
        request: Request {
            container_id: container.id.clone(),
            container_name: container.name.clone(),
            port_mappings: container.network.publish.clone(),
            ..Request::default()
        },
        ..Connection::default()
    };
    take_ports(ctx, &connection.request)?;
    let path = file(ctx, &container.id);
    record::save(&path, &connection, Durability::Process)?;
    connection.link = Some(user_mode::up(ctx, netns, mode, &container.network.publish)?);
    record::save(&path, &connection, Durability::Process)?;
    Ok(connection)
}

/// An ordinary user's ports are forwarded by a process, to the container's first address of each family.
pub(super) fn forward_ports(ctx: &Context, connection: &Connection) -> Result<()> {
    if !rootless() {
        return Ok(());
    }
    let netns = namespace::path(ctx, &connection.request.container_id);
    forward::stop(&netns)?;
    let addresses: Vec<IpAddr> = connection.addresses().collect();
    // Out of its last network nothing leads to it, until it is in one again.
    if addresses.is_empty() {
        return Ok(());
    }
    forward::start(&netns, &connection.request.port_mappings, &addresses)
}

/// Has netavark do what the request says, in addition to what the container is connected to already.
pub(super) fn add(ctx: &Context, request: Request, _lock: &Lock) -> Result<Connection> {
    let path = file(ctx, &request.container_id);
    let mut all: Connection = record::load_if_there(&path)?.unwrap_or_default();
    let before = all.request.clone();
    let (networks, info) = (before.networks, before.network_info);
    all.request = Request {
        networks: networks
            .into_iter()
            .chain(request.networks.clone())
            .collect(),
        network_info: info
            .into_iter()
            .chain(request.network_info.clone())
            .collect(),
        ..request.clone()
    };
    record::save(&path, &all, Durability::Process)?;
    let namespace = namespace::path(ctx, &request.container_id);
    let answer = netavark::run(ctx, Action::Setup, &namespace, &request)?;
    all.answer.extend(answer);
    record::save(&path, &all, Durability::Process)?;
    Ok(all)
}

/// Takes the container out of one network.
pub(super) fn take_out(ctx: &Context, container: &str, network: &str, _lock: &Lock) -> Result<()> {
    let path = file(ctx, container);
    let Some(mut all) = record::load_if_there::<Connection>(&path)? else {
        return Ok(());
    };
    let mut request = all.request.clone();
    request.networks.retain(|name, _| name == network);
    request.network_info.retain(|name, _| name == network);
    let namespace = namespace::path(ctx, container);
    netavark::run(ctx, Action::Teardown, &namespace, &request)?;
    all.request.networks.remove(network);
    all.request.network_info.remove(network);
    all.answer.remove(network);
    record::save(&path, &all, Durability::Process)
}

/// Undoes what [`up`] did, or as much of it as it came to.
pub fn down(ctx: &Context, container: &str) -> Result<()> {
    let path = namespace::path(ctx, container);
    if !path.exists() && !file(ctx, container).exists() {
        return Ok(());
    }
    let lock = lock(ctx)?;
    down_locked(ctx, container, &lock)?;
    if all(ctx)?.is_empty() {
        host::leave(ctx)?;
    }
    Ok(())
}

fn down_locked(ctx: &Context, container: &str, _lock: &Lock) -> Result<()> {
    let path = namespace::path(ctx, container);
    let record = file(ctx, container);
    if let Some(connection) = record::load_if_there::<Connection>(&record)?
        && !connection.request.networks.is_empty()
        && let Err(error) = netavark::run(ctx, Action::Teardown, &path, &connection.request)
        // Half of what was never made cannot be found; whole connections are to be undone without an error.
        && !connection.answer.is_empty()
    {
        eprintln!("rpod: disconnecting container {container} from its networks: {error:#}");
    }
    if rootless() || user_mode::was_asked_for(&path) {
        user_mode::down(&path)?;
    }
    record::remove_half_written(&record)?;
    namespace::remove(&path)?;
    remove_if_there(&record)?;
    if rootless() {
        shared::release(ctx)?;
    }
    Ok(())
}

/// What is made again is to be known to its neighbours as before.
fn keep_hardware_addresses(connection: &mut Connection) {
    for (network, place) in &mut connection.request.networks {
        let interfaces = connection.answer.get(network).map(|made| &made.interfaces);
        let made = interfaces.and_then(|made| made.get(&place.interface_name));
        if let Some(made) = made.filter(|made| !made.mac_address.is_empty()) {
            place.static_mac = Some(made.mac_address.clone());
        }
    }
}

/// Sets up again what somebody else has taken away, such as the rules of a firewall that was restarted.
pub fn reload(ctx: &Context, container: &str) -> Result<()> {
    let lock = lock(ctx)?;
    let Some(mut connection) = of(ctx, container)? else {
        return Ok(());
    };
    keep_hardware_addresses(&mut connection);
    let namespace = namespace::path(ctx, container);
    // What is gone already cannot be undone; the setup tells whether it worked.
    let _ = netavark::run(ctx, Action::Teardown, &namespace, &connection.request);
    let connection = add(ctx, connection.request, &lock)?;
    forward_ports(ctx, &connection)
}
