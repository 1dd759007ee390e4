//! How the container finds others by name, and what it is told of itself: `/etc/hosts`, `/etc/resolv.conf`, `/etc/hostname`.

use std::net::IpAddr;

use anyhow::{Result, bail};
use clap::Args;

use super::csv;
use crate::bundle::hosts;
use crate::engine::Context;
use crate::engine::container::record::Container;

#[derive(Args, Debug)]
pub(super) struct NamingOptions {
    /// Add a custom host-to-IP mapping (host:ip)
    #[arg(long, value_name = "HOST:IP")]
    add_host: Vec<String>,
    /// Set custom DNS servers
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    dns: Vec<String>,
    /// Set custom DNS options
    #[arg(long, alias = "dns-opt", value_name = "OPTION", value_delimiter = ',')]
    dns_option: Vec<String>,
    /// Set custom DNS search domains
    #[arg(long, value_name = "DOMAIN", value_delimiter = ',')]
    dns_search: Vec<String>,
    /// Base file to create the /etc/hosts file inside the container: a path, image or none
    #[arg(long, value_name = "PATH")]
    hosts_file: Option<String>,
    /// Do not create /etc/hostname within the container, instead use the version from the image
    #[arg(long)]
    no_hostname: bool,
    /// Do not create /etc/hosts within the container, instead use the version from the image
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_hosts: Option<bool>,
}

impl NamingOptions {
    pub(super) fn apply(&self, ctx: &Context, c: &mut Container) -> Result<()> {
        let conf = &ctx.config.containers_conf.containers;
        let no_hosts = self.no_hosts.unwrap_or(conf.no_hosts);
        if no_hosts {
            self.refuse_with_no_hosts()?;
        }
        let mut add_hosts = Vec::new();
        for text in &self.add_host {
            add_hosts.extend(csv::values(text)?);
        }
        for added in &add_hosts {
            hosts::check(added)?;
        }
        let is_server = |text: &&String| text.parse::<IpAddr>().is_ok() || *text == "none";
        if let Some(wrong) = self.dns.iter().find(|text| !is_server(text)) {
            bail!("{wrong} is not an ip address");
        }
        c.no_hostname |= self.no_hostname;
        let network = &mut c.network;
        if let Some(base) = &self.hosts_file {
            network.hosts_file = hosts_file(base)?;
        }
        let or_configured = |asked: &[String], configured: &Option<Vec<String>>| match asked {
            [] => configured.clone().unwrap_or_default(),
            asked => asked.to_vec(),
        };
        network.dns = or_configured(&self.dns, &conf.dns_servers);
        network.dns_search = or_configured(&self.dns_search, &conf.dns_searches);
        network.dns_options = or_configured(&self.dns_option, &conf.dns_options);
        network.add_hosts = add_hosts;
        network.no_hosts = no_hosts;
        Ok(())
    }

    fn refuse_with_no_hosts(&self) -> Result<()> {
        let configured = match self.no_hosts {
            Some(_) => "",
            None => ": no_hosts of containers.conf is undone by --no-hosts=false",
        };
        let asked = [
            ("add-host", !self.add_host.is_empty()),
            ("hosts-file", self.hosts_file.is_some()),
        ];
        match asked.iter().find(|(_, given)| *given) {
            Some((option, _)) => {
                bail!("--no-hosts and --{option} cannot be set together{configured}")
            }
            None => Ok(()),
        }
    }

    /// The files that these options change are the other container's.
    pub(super) fn refuse_for_joined(&self) -> Result<()> {
        self.refuse_dns("container")?;
        if !self.add_host.is_empty() {
            bail!(
                "invalid config provided: cannot set extra host entries when the container is joined to another containers network namespace: invalid configuration"
            );
        }
        Ok(())
    }

    pub(super) fn refuse_dns(&self, mode: &str) -> Result<()> {
        let asked = [&self.dns, &self.dns_option, &self.dns_search];
        if asked.iter().any(|option| !option.is_empty()) {
            bail!("conflicting options: dns and the network mode: {mode}");
        }
        Ok(())
    }

    pub(super) fn refuse_without_infra(&self) -> Result<()> {
        let given = [
            ("--no-hosts", self.no_hosts == Some(true)),
            ("--no-hostname", self.no_hostname),
        ];
        if let Some((option, _)) = given.iter().find(|(_, given)| *given) {
            bail!("cannot specify {option} without an infra container");
        }
        let exclusive = [
            ("DNSOption", !self.dns_option.is_empty()),
            ("DNSSearch", !self.dns_search.is_empty()),
            ("DNSServer", !self.dns.is_empty()),
            ("HostAdd", !self.add_host.is_empty()),
            ("HostsFile", self.hosts_file.is_some()),
        ];
        match exclusive.iter().find(|(_, given)| *given) {
            // podman's slip: scripts look for its words.
            Some(("DNSSearch", _)) => {
                bail!("NoInfo and DNSSearch are mutually exclusive pod options: invalid pod spec")
            }
            Some((option, _)) => {
                bail!("NoInfra and {option} are mutually exclusive pod options: invalid pod spec")
            }
            None => Ok(()),
        }
    }
}

/// `none`, `image` or an absolute path.
fn hosts_file(text: &str) -> Result<String> {
    if !matches!(text, "none" | "image") && !text.starts_with('/') {
        bail!("--hosts-file {text:?}: an absolute path, image or none");
    }
    Ok(text.to_owned())
}
