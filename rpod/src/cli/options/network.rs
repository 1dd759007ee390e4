//! What the container is connected to, and how it finds others.

use std::net::IpAddr;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::endpoint::{connect, parse_mac};
use super::namespaces::namespace;
use super::naming::NamingOptions;
use crate::engine::container::record::{Container, Namespace, Network, UserMode};
use crate::engine::network::{self, port, user_mode};
use crate::engine::pod::join::Joining;
use crate::engine::pod::record::Shared;
use crate::engine::{Context, rootless};

#[derive(Args, Debug)]
pub(in crate::cli) struct NetworkOptions {
    #[command(flatten)]
    naming: NamingOptions,
    /// Specify a static IPv4 address for the container
    #[arg(long, value_name = "IP")]
    ip: Option<String>,
    /// Specify a static IPv6 address for the container
    #[arg(long, value_name = "IP")]
    ip6: Option<String>,
    /// Container MAC address (e.g. 92:d0:c6:0a:29:33)
    #[arg(long, value_name = "MAC")]
    mac_address: Option<String>,
    /// Connect a container to a network
    #[arg(long, visible_alias = "net", value_name = "MODE[:OPTIONS]")]
    network: Vec<String>,
    /// Add network-scoped alias for the container
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    network_alias: Vec<String>,
    /// Publish a container's port, or a range of ports, to the host
    #[arg(
        short,
        long,
        value_name = "[[IP:]HOST:]CONTAINER[/PROTOCOL]",
        value_delimiter = ','
    )]
    publish: Vec<String>,
}

impl NetworkOptions {
    pub(in crate::cli) fn apply(&self, ctx: &Context, c: &mut Container) -> Result<()> {
        self.naming.apply(ctx, c)?;
        let names = self.names();
        let configured = ctx.config.containers_conf.containers.netns.as_deref();
        match names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] | [""] => self.by_default(ctx, configured.unwrap_or_default(), c)?,
            [one] => {
                // Said before the other container is looked for, as by podman.
                if one.starts_with("container:") {
                    self.naming.refuse_for_joined()?;
                }
                self.mode(ctx, one, c)?;
            }
            ref several => {
                for one in several {
                    connect(ctx, one, &mut c.network)?;
                }
            }
        }
        self.endpoint(ctx, &mut c.network)?;
        self.refuse_dns_without_network(c)?;
        let addresses = &ctx.config.containers_conf.network.default_host_ips;
        let addresses = addresses.as_deref().unwrap_or_default();
        for text in self.publish.iter().filter(|text| !text.is_empty()) {
            let mappings = port::at_default_addresses(port::parse(text)?, addresses)?;
            c.network.publish.extend(mappings);
        }
        c.network.publish = port::joined(std::mem::take(&mut c.network.publish))?;
        if !self.publish.is_empty() && !publishes(c) {
            c.network.publish.clear();
        }
        Ok(())
    }

    fn refuse_dns_without_network(&self, c: &Container) -> Result<()> {
        let is_none = c.namespaces.net == Namespace::Private
            && !c.network.bridged
            && c.network.user_mode.is_none();
        if is_none {
            self.naming.refuse_dns("none")?;
        }
        Ok(())
    }

    /// Several networks may stand in one option if none has options of its own.
    fn names(&self) -> Vec<String> {
        let split = |text: &String| match text.contains(':') {
            true => vec![text.clone()],
            false => text.split(',').map(str::to_owned).collect(),
        };
        self.network.iter().flat_map(split).collect()
    }

    fn by_default(&self, ctx: &Context, configured: &str, c: &mut Container) -> Result<()> {
        match configured {
            "" | "private" if rootless() => {
                c.network.user_mode = user_mode::default_mode(ctx);
                if c.network.user_mode.is_none() {
                    eprintln!(
                        "rpod: neither pasta nor slirp4netns is installed, so the container gets no network: install passt, or say --network none"
                    );
                }
                Ok(())
            }
            "" | "private" if !network::is_installed(ctx) => {
                if !self.publish.is_empty() {
                    bail!(
                        "--publish needs a bridge network, and netavark is not installed: install it"
                    );
                }
                eprintln!(
                    "rpod: netavark is not installed, so the container gets no network: install it, or say --network none"
                );
                Ok(())
            }
            "" | "private" => connect(ctx, "bridge", &mut c.network),
            other => self.mode(ctx, other, c),
        }
    }

    fn mode(&self, ctx: &Context, text: &str, c: &mut Container) -> Result<()> {
        match text.split_once(':').unwrap_or((text, "")) {
            ("none", "") => Ok(()),
            ("host", "") | ("container" | "ns", _) => {
                c.namespaces.net = namespace(ctx, text, "network")?;
                Ok(())
            }
            ("pasta" | "slirp4netns", _) => {
                c.network.user_mode = Some(user_mode(ctx, text)?);
                Ok(())
            }
            ("private", "") => self.by_default(ctx, "", c),
            _ => connect(ctx, text, &mut c.network),
        }
    }

    /// Options that say something about a container's only network.
    fn endpoint(&self, ctx: &Context, network: &mut Network) -> Result<()> {
        let addresses = self.addresses()?;
        let asked = [
            ("--ip", self.ip.is_some()),
            ("--ip6", self.ip6.is_some()),
            ("--mac-address", self.mac_address.is_some()),
            ("--network-alias", !self.network_alias.is_empty()),
        ];
        for (option, _) in asked.iter().filter(|(_, given)| *given) {
            match network.names.len() {
                0 => bail!(
                    "{option} can only be set when the network mode is bridge: invalid argument"
                ),
                2.. if *option != "--network-alias" => {
                    bail!("{option} can only be set for a single network: invalid argument")
                }
                _ => {}
            }
        }
        for name in network.names.clone() {
            let endpoint = network.endpoints.entry(name.clone()).or_default();
            endpoint.aliases.extend(self.network_alias.iter().cloned());
            endpoint.ips.extend(&addresses);
            if let Some(mac) = &self.mac_address {
                endpoint.mac = Some(parse_mac(mac)?);
            }
            network::check_addresses(&network::find(ctx, &name)?, &endpoint.ips)?;
        }
        Ok(())
    }

    /// `--ip` and `--ip6`. As in podman either takes an address of either kind.
    fn addresses(&self) -> Result<Vec<IpAddr>> {
        let texts = self.ip.iter().chain(&self.ip6);
        let parsed = texts.filter(|text| !text.is_empty()).map(|text| {
            let address = text.parse().ok();
            address.with_context(|| format!("{text:?} is not an ip address"))
        });
        parsed.collect()
    }

    /// A pod holds its network itself.
    pub(in crate::cli) fn refuse_joined(&self) -> Result<()> {
        if self
            .network
            .iter()
            .any(|text| text.starts_with("container:"))
        {
            bail!("pods presently do not support network mode container");
        }
        Ok(())
    }

    /// A pod without an infra container has no network that these could be said of.
    pub(in crate::cli) fn refuse_without_infra(&self) -> Result<()> {
        let given = [
            ("ip", self.ip.is_some()),
            ("ip6", self.ip6.is_some()),
            ("mac", self.mac_address.is_some()),
            ("network-alias", !self.network_alias.is_empty()),
        ];
        if let Some((option, _)) = given.iter().find(|(_, given)| *given) {
            bail!("cannot set --{option} without infra container: invalid argument");
        }
        if !self.publish.is_empty() {
            bail!("you must have an infra container to publish port bindings to the host");
        }
        if !self.network.is_empty() {
            bail!("NoInfra and network modes cannot be used together");
        }
        self.naming.refuse_without_infra()
    }

    /// Where its network is its pod's, its addresses are, too.
    pub(super) fn refuse_addresses(&self, joining: &Joining) -> Result<()> {
        let given = self.ip.is_some() || self.ip6.is_some() || self.mac_address.is_some();
        if given && self.network.is_empty() && joining.namespace(Shared::Net).is_some() {
            bail!(
                "invalid config provided: networks must be defined when the pod is created: network cannot be configured when it is shared with a pod"
            );
        }
        Ok(())
    }

    /// A container that asks for no network of its own has its pod's.
    pub(super) fn join(&self, c: &mut Container, joining: &Joining) {
        if self.network.is_empty()
            && let Some(shared) = joining.namespace(Shared::Net)
        {
            c.namespaces.net = shared;
            c.network.bridged = false;
            c.network.user_mode = None;
            c.network.names.clear();
            c.network.endpoints.clear();
        }
    }
}

/// Ports can only be published for a network of the container's own; a person who asked for it elsewhere is told.
pub(super) fn publishes(c: &Container) -> bool {
    if !c.network.names.is_empty() || c.network.user_mode.is_some() {
        return true;
    }
    let mode = match c.namespaces.net {
        Namespace::Host => "host",
        Namespace::Container(_) => "container",
        Namespace::Path(_) => "path",
        Namespace::Private => "none",
    };
    eprintln!(
        "Port mappings have been discarded because \"{mode}\" network namespace mode does not support them"
    );
    false
}

/// `pasta[:OPTION,…]` or `slirp4netns[:KEY=VALUE,…]`.
fn user_mode(ctx: &Context, text: &str) -> Result<UserMode> {
    let (program, options) = text.split_once(':').unwrap_or((text, ""));
    let options: Vec<String> = options
        .split(',')
        .filter(|option| !option.is_empty())
        .map(str::to_owned)
        .collect();
    match program {
        "pasta" if !rootless() => bail!(
            "pasta networking is only supported for rootless mode or when inside a nested userns"
        ),
        "pasta" => user_mode::check_pasta(&options)?,
        _ => user_mode::check_slirp4netns(&options)?,
    }
    Ok(user_mode::mode(ctx, program, options))
}
