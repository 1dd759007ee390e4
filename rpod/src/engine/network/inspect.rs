//! What `inspect` tells of a network, and of a container's place in its networks.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::connection::{self, Connection};
use super::netavark::{Address, Interface};
use super::{Network, find, port};
use crate::bundle::files::Addresses;
use crate::engine::Context;
use crate::engine::container::inspect::mode as namespace_mode;
use crate::engine::container::load;
use crate::engine::container::record::{Container, Namespace};
use crate::engine::container::status::Status;

/// The network's file, and the containers that are in it now.
pub fn network(ctx: &Context, network: &Network) -> Result<Value> {
    let mut value = serde_json::to_value(network)?;
    let mut containers = Map::new();
    for (id, connection) in connection::all(ctx)? {
        if let Some(status) = connection.answer.get(&network.name) {
            containers.insert(
                id,
                json!({
                    "name": connection.request.container_name,
                    "interfaces": status.interfaces,
                }),
            );
        }
    }
    value["containers"] = containers.into();
    Ok(value)
}

/// `NetworkSettings`: those of the container whose network it is. Ports that are exposed and lead nowhere stand there,
/// too, where the network is neither the host's nor another container's.
pub fn settings(ctx: &Context, container: &Container) -> Result<Value> {
    let mut settings = of_owner(ctx, container)?;
    if matches!(
        container.namespaces.net,
        Namespace::Private | Namespace::Path(_)
    ) {
        let ports = &mut settings["Ports"];
        for port in &container.network.exposed {
            if ports.get(port).is_none() {
                ports[port] = Value::Null;
            }
        }
    }
    Ok(settings)
}

fn of_owner(ctx: &Context, container: &Container) -> Result<Value> {
    if let Namespace::Container(owner) = &container.namespaces.net {
        return of_owner(ctx, &load(ctx, owner)?);
    }
    let connection = connection::of(ctx, &container.id)?;
    let asked = &container.network;
    let mut networks = Map::new();
    for name in &asked.names {
        let mut value = endpoint(
            connection
                .as_ref()
                .and_then(|all| Some(all.interface(name)?.1)),
        );
        let own = [
            (
                "NetworkID",
                json!(find(ctx, name).map_or_else(|_| name.clone(), |found| found.id)),
            ),
            ("DriverOpts", Value::Null),
            ("IPAMConfig", Value::Null),
            ("Links", Value::Null),
            ("Aliases", json!(connection::aliases(container, name))),
        ];
        value.extend(own.map(|(key, value)| (key.to_owned(), value)));
        networks.insert(name.clone(), value.into());
    }
    if let Some(mode) = mode_alone(container) {
        let mut value = endpoint(None);
        for key in ["DriverOpts", "IPAMConfig", "Links"] {
            value.insert(key.to_owned(), Value::Null);
        }
        value.insert("NetworkID".to_owned(), json!(mode));
        networks.insert(mode.to_owned(), value.into());
    }
    let only = match (&asked.names[..], &connection) {
        ([name], Some(connection)) => connection.interface(name).map(|(_, interface)| interface),
        _ => None,
    };
    let mut settings = endpoint(only);
    let more = [
        ("Bridge", json!("")),
        ("SandboxID", json!("")),
        ("HairpinMode", json!(false)),
        ("LinkLocalIPv6Address", json!("")),
        ("LinkLocalIPv6PrefixLen", json!(0)),
        ("Ports", port::bindings(&asked.publish)),
        (
            "SandboxKey",
            match &connection {
                Some(_) => json!(connection::netns(ctx, &container.id)),
                None => json!(own_namespace(ctx, container)?),
            },
        ),
    ];
    settings.extend(more.map(|(key, value)| (key.to_owned(), value)));
    if !networks.is_empty() {
        settings.insert("Networks".to_owned(), networks.into());
    }
    Ok(settings.into())
}

/// `NetworkMode`
pub fn mode(container: &Container) -> String {
    match &container.namespaces.net {
        Namespace::Private => mode_alone(container).unwrap_or("bridge").to_owned(),
        other => namespace_mode(other),
    }
}

/// The mode that stands in the place of a network's name, where a container has none.
pub fn mode_alone(container: &Container) -> Option<&str> {
    let network = &container.network;
    match (&container.namespaces.net, &network.user_mode) {
        (Namespace::Host, _) => Some("host"),
        (Namespace::Private, Some(mode)) => Some(&mode.program),
        (Namespace::Private, None) if !network.bridged => Some("none"),
        _ => None,
    }
}

/// The namespace of a container that runs without a network, for whoever wants to join it.
fn own_namespace(ctx: &Context, container: &Container) -> Result<String> {
    Ok(match ctx.store.status(&container.id)? {
        Status::Running(started) if mode_alone(container) == Some("none") => {
            format!("/proc/{}/ns/net", started.pid)
        }
        _ => String::new(),
    })
}

fn endpoint(interface: Option<&Interface>) -> Map<String, Value> {
    let find = |v4: bool| {
        let subnets = &interface?.subnets;
        subnets.iter().find(|s| s.ipnet.addr().is_ipv4() == v4)
    };
    let (v4, v6) = (find(true), find(false));
    let gateway = |address: Option<&Address>| {
        let gateway = address.and_then(|address| address.gateway);
        json!(gateway.map(|ip| ip.to_string()).unwrap_or_default())
    };
    let ip = |address: Option<&Address>| {
        json!(
            address
                .map(|address| address.ipnet.addr().to_string())
                .unwrap_or_default()
        )
    };
    let prefix =
        |address: Option<&Address>| json!(address.map_or(0, |address| address.ipnet.prefix_len()));
    let fields = [
        ("EndpointID", json!("")),
        ("Gateway", gateway(v4)),
        ("IPAddress", ip(v4)),
        ("IPPrefixLen", prefix(v4)),
        ("IPv6Gateway", gateway(v6)),
        ("GlobalIPv6Address", ip(v6)),
        ("GlobalIPv6PrefixLen", prefix(v6)),
        (
            "MacAddress",
            json!(interface.map(|i| i.mac_address.clone()).unwrap_or_default()),
        ),
    ];
    fields
        .map(|(key, value)| (key.to_owned(), value))
        .into_iter()
        .collect()
}

impl Connection {
    /// What the container's files tell of its networks.
    pub fn told(&self, ctx: &Context) -> Result<Addresses> {
        let (dns, search) = self.names();
        Ok(Addresses {
            own: self.addresses().collect(),
            host: self.host(ctx)?,
            forwarders: self.forwarders(ctx)?,
            dns,
            search,
        })
    }

    /// Name servers and search domains of the networks.
    fn names(&self) -> (Vec<std::net::IpAddr>, Vec<String>) {
        let servers = self
            .answer
            .values()
            .flat_map(|status| status.dns_server_ips.clone());
        let mut search: Vec<String> = Vec::new();
        for domain in self
            .answer
            .values()
            .flat_map(|status| &status.dns_search_domains)
        {
            if !search.contains(domain) {
                search.push(domain.clone());
            }
        }
        (servers.collect(), search)
    }
}
