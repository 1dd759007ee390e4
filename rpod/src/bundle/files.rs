//! The small files that a container finds in place: hosts, resolv.conf, hostname, .containerenv.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{hostname, hosts};
use crate::engine::Context;
use crate::engine::container::record::{Container, Namespace};

/// A file of the host under a path of the container.
#[derive(Debug)]
pub struct Bound {
    pub source: PathBuf,
    pub destination: String,
}

/// What the network says about the container.
#[derive(Debug, Default)]
pub struct Addresses {
    /// Its own, for its line in /etc/hosts.
    pub own: Vec<std::net::IpAddr>,
    /// Where the host can be reached.
    pub host: Option<std::net::IpAddr>,
    /// Name servers that know the others in its networks, and ask those that the container asked for.
    pub dns: Vec<std::net::IpAddr>,
    /// Name servers for a container that asked for none, where the host's are out of its reach.
    pub forwarders: Vec<std::net::IpAddr>,
    pub search: Vec<String>,
}

/// Writes the files under `run`. A container that shares another's network shares its files too: they are taken from `shared`,
/// and its name is added to them.
pub fn write(
    ctx: &Context,
    container: &Container,
    run: &Path,
    shared: Option<&Path>,
    addresses: &Addresses,
) -> Result<Vec<Bound>> {
    let mut bound = Vec::new();
    let mut put = |name: &str, destination: &'static str, text: String| -> Result<()> {
        let source = run.join(name);
        fs::write(&source, text).with_context(|| format!("writing {}", source.display()))?;
        bound.push(Bound {
            source,
            destination: destination.to_owned(),
        });
        Ok(())
    };
    if shared.is_none() {
        if !container.network.no_hosts {
            let text = hosts::text(container, &hosts::base(ctx, container)?, addresses)?;
            put("hosts", "/etc/hosts", text)?;
        }
        let is_connected = container.namespaces.net != Namespace::Private
            || !container.network.names.is_empty()
            || container.network.user_mode.is_some()
            || !container.network.dns.is_empty();
        // With `--dns none` the file stays as the image has it.
        if is_connected && container.network.dns != ["none"] {
            put(
                "resolv.conf",
                "/etc/resolv.conf",
                resolv_conf(container, addresses)?,
            )?;
        }
    }
    // A directory of the host that is mounted there stays as it is.
    if !container
        .mounts
        .iter()
        .any(|mount| mount.destination == "/run" && mount.kind == "bind")
    {
        put(
            ".containerenv",
            "/run/.containerenv",
            containerenv(ctx, container),
        )?;
    }
    if !container.no_hostname {
        put("hostname", "/etc/hostname", hostname(container) + "\n")?;
    }
    for (name, destination) in [("hosts", "/etc/hosts"), ("resolv.conf", "/etc/resolv.conf")] {
        let is_hosts = name == "hosts";
        if is_hosts && container.network.no_hosts {
            continue;
        }
        if let Some(source) = shared
            .map(|dir| dir.join(name))
            .filter(|source| source.exists())
        {
            if is_hosts {
                hosts::enter(&source, container)?;
            }
            bound.push(Bound {
                source,
                destination: destination.to_owned(),
            });
        }
    }
    Ok(bound)
}

/// Tells a container that runs of its networks as they are now. Files that it has not are not made.
pub fn renew(
    container: &Container,
    run: &Path,
    before: &[std::net::IpAddr],
    now: &Addresses,
) -> Result<()> {
    hosts::readdress(&run.join("hosts"), container, before, &now.own)?;
    let servers = resolv_conf(container, now)?;
    hosts::change(&run.join("resolv.conf"), |_| Some(servers))
}

/// The host's, without name servers that only the host can reach.
fn resolv_conf(container: &Container, addresses: &Addresses) -> Result<String> {
    let host = host_resolv_conf(&container.namespaces.net);
    let shares_host = container.namespaces.net == Namespace::Host;
    let asked = &container.network;
    let of = |key: &str| -> Vec<String> {
        let lines = host.lines().filter_map(|line| {
            line.trim()
                .strip_prefix(key)?
                .strip_prefix([' ', '\t'])
                .map(str::trim)
        });
        lines
            .flat_map(|rest| {
                rest.split_ascii_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect()
    };
    let shown = |all: &[std::net::IpAddr]| all.iter().map(ToString::to_string).collect();
    let mut servers: Vec<String> = shown(&addresses.dns);
    if servers.is_empty() {
        servers.clone_from(&asked.dns);
    }
    if servers.is_empty() {
        servers = shown(&addresses.forwarders);
    }
    if servers.is_empty() {
        servers = of("nameserver")
            .into_iter()
            .filter(|server| shares_host || !is_loopback(server))
            .collect();
    }
    let or_host = |given: &[String], key: &str| {
        if given.is_empty() {
            of(key)
        } else {
            given.to_vec()
        }
    };
    let mut search = or_host(&asked.dns_search, "search");
    if asked.dns_search.is_empty() {
        search.extend(addresses.search.iter().cloned());
    }
    let options = or_host(&asked.dns_options, "options");
    let mut text = String::new();
    if !search.is_empty() && search != ["."] {
        writeln!(text, "search {}", search.join(" "))?;
    }
    for server in servers {
        writeln!(text, "nameserver {server}")?;
    }
    if !options.is_empty() {
        writeln!(text, "options {}", options.join(" "))?;
    }
    Ok(text)
}

/// What there is on the host for this network: ip-netns(8) has files of their own for the namespaces that it names.
fn host_resolv_conf(net: &Namespace) -> String {
    let named = match net {
        Namespace::Path(path) if !path.starts_with("/proc") => path
            .file_name()
            .map(|name| Path::new("/etc/netns").join(name).join("resolv.conf")),
        _ => None,
    };
    named
        .and_then(|path| fs::read_to_string(path).ok())
        .or_else(|| fs::read_to_string("/etc/resolv.conf").ok())
        .unwrap_or_default()
}

fn is_loopback(server: &str) -> bool {
    server
        .parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.is_loopback())
}

/// Tells programs that they run in a container; a privileged one is told more, as podman does. An engine inside has to know that the
/// store of the one outside is there, too.
fn containerenv(ctx: &Context, container: &Container) -> String {
    let mut mounts = container.mounts.iter();
    let has_store = mounts.any(|mount| {
        mount.kind == "bind" && mount.volume.is_none() && ctx.store.root.starts_with(&mount.source)
    });
    let store = if has_store { "graphRootMounted=1" } else { "" };
    if !container.security.privileged {
        return store.to_owned();
    }
    format!(
        "engine=\"rpod-{}\"\nname=\"{}\"\nid=\"{}\"\nimage=\"{}\"\nimageid=\"{}\"\nrootless={}\n{store}",
        env!("CARGO_PKG_VERSION"),
        container.name,
        container.id,
        container.image.name,
        container.image.id,
        u8::from(crate::engine::rootless()),
    )
}
