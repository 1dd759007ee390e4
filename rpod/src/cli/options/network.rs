//! What the container is connected to, and how it finds others.

use anyhow::{Result, bail};
use clap::Args;

use super::namespaces::namespace;
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::pod::join::Joining;
use crate::engine::pod::record::Shared;

#[derive(Args, Debug)]
pub(in crate::cli) struct NetworkOptions {
    /// Add a custom host-to-IP mapping (host:ip)
    #[arg(long, value_name = "HOST:IP")]
    add_host: Vec<String>,
    /// Set custom DNS servers
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    dns: Vec<String>,
    /// Set custom DNS options
    #[arg(long, value_name = "OPTION", value_delimiter = ',')]
    dns_option: Vec<String>,
    /// Set custom DNS search domains
    #[arg(long, value_name = "DOMAIN", value_delimiter = ',')]
    dns_search: Vec<String>,
    /// Connect a container to a network
    #[arg(
        long,
        visible_alias = "net",
        value_name = "MODE",
        value_delimiter = ','
    )]
    network: Vec<String>,
    /// Do not create /etc/hosts within the container, instead use the version from the image
    #[arg(long)]
    no_hosts: bool,
    /// Publish a container's port, or a range of ports, to the host
    #[arg(short, long, value_name = "[[IP:]HOST:]CONTAINER[/PROTOCOL]")]
    publish: Vec<String>,
}

impl NetworkOptions {
    pub(in crate::cli) fn apply(&self, ctx: &Context, c: &mut Container) -> Result<()> {
        let network = &mut c.network;
        (network.dns, network.dns_search, network.dns_options) = (
            self.dns.clone(),
            self.dns_search.clone(),
            self.dns_option.clone(),
        );
        (network.add_hosts, network.no_hosts) = (self.add_host.clone(), self.no_hosts);
        if !self.publish.is_empty() {
            bail!("--publish: a container without a bridge network has no ports to publish");
        }
        match self.network.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] | ["none" | "private"] => {}
            [one] if one == "host" || one.starts_with("container:") || one.starts_with("ns:") => {
                c.namespaces.net = namespace(ctx, one, "network")?;
            }
            _ => bail!(
                "--network {}: rpod knows none, host, container:NAME and ns:PATH",
                self.network.join(",")
            ),
        }
        Ok(())
    }

    /// The first option that was given, for commands that cannot have any.
    pub(in crate::cli) fn first(&self) -> Option<&'static str> {
        let given = [
            ("--add-host", !self.add_host.is_empty()),
            ("--dns", !self.dns.is_empty()),
            ("--dns-option", !self.dns_option.is_empty()),
            ("--dns-search", !self.dns_search.is_empty()),
            ("--network", !self.network.is_empty()),
            ("--no-hosts", self.no_hosts),
            ("--publish", !self.publish.is_empty()),
        ];
        given
            .iter()
            .find(|(_, given)| *given)
            .map(|(name, _)| *name)
    }

    /// A container that asks for no network of its own has its pod's.
    pub(super) fn join(&self, c: &mut Container, joining: &Joining) {
        if self.network.is_empty()
            && let Some(shared) = joining.namespace(Shared::Net)
        {
            c.namespaces.net = shared;
            c.network.names.clear();
        }
    }
}
