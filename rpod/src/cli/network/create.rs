//! `rpod network create`: podman-network-create(1).

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Result, bail};
use clap::Args;
use ipnet::IpNet;

use crate::cli::choice::Amiss;
use crate::cli::options::pairs;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::network::{self, NetworkError, create};

#[derive(Args, Debug)]
pub struct Create {
    /// Disable the answering of names in this network
    #[arg(long)]
    disable_dns: bool,
    /// Name servers for names that are none of the network's containers'
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    dns: Vec<IpAddr>,
    /// Driver to manage the network (bridge, macvlan, ipvlan)
    #[arg(short, long, default_value = "bridge")]
    driver: String,
    /// IPv4 or IPv6 gateway for the subnet
    #[arg(long, value_name = "IP", value_delimiter = ',', value_parser = gateway)]
    gateway: Vec<IpAddr>,
    /// Do not fail if a network of this name is there already
    #[arg(long)]
    ignore: bool,
    /// Interface name which is used by the driver
    #[arg(long, value_name = "NAME")]
    interface_name: Option<String>,
    /// Restrict external access from this network
    #[arg(long)]
    internal: bool,
    /// Allocate container IP from this range: a subnet or FIRST-LAST
    #[arg(long, value_name = "RANGE")]
    ip_range: Vec<String>,
    /// IP Address Management Driver (dhcp, host-local, none)
    #[arg(long, value_name = "DRIVER")]
    ipam_driver: Option<String>,
    /// Enable IPv6 networking
    #[arg(long)]
    ipv6: bool,
    /// Set metadata on the network
    #[arg(long, value_name = "KEY=VALUE")]
    label: Vec<String>,
    /// Connect directly to a device of the host
    #[arg(long, hide = true, value_name = "DEVICE")]
    macvlan: Option<String>,
    /// Set driver specific options (mtu, metric, no_default_route; bridge: vlan, isolate, vrf, mode; macvlan, ipvlan: parent, mode)
    #[arg(short, long, value_name = "KEY=VALUE")]
    opt: Vec<String>,
    /// A route for every container of the network
    #[arg(long, value_name = "DESTINATION,GATEWAY[,METRIC]")]
    route: Vec<String>,
    /// Subnets in CIDR format
    #[arg(long, value_name = "CIDR", value_parser = subnet)]
    subnet: Vec<IpNet>,
    /// Name of the new network; one is made up without
    name: Option<String>,
}

fn gateway(text: &str) -> Result<IpAddr, String> {
    let wrong = |_| format!("invalid string being converted to IP address: {text}");
    text.parse().map_err(wrong)
}

fn subnet(text: &str) -> Result<IpNet, Amiss> {
    let wrong = |_| Amiss(format!("invalid CIDR address: {text}"));
    text.parse().map_err(wrong)
}

/// `KEY=VALUE`, or the key alone.
fn named(reading: &str, texts: &[String]) -> Result<BTreeMap<String, String>> {
    let named: BTreeMap<String, String> = pairs(texts).collect();
    if named.contains_key("") {
        let wrong = texts.iter().find(|text| text.starts_with('='));
        let wrong = wrong.map_or("", String::as_str);
        bail!("{reading}: invalid label format: {wrong:?}");
    }
    Ok(named)
}

impl Verb for Create {
    const NAME: &'static str = "create";
    const ABOUT: &'static str = "Create networks for containers and pods";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let (driver, interface) = match self.macvlan.filter(|device| !device.is_empty()) {
            Some(device) => ("macvlan".to_owned(), Some(device)),
            None => (self.driver, self.interface_name),
        };
        let wanted = create::Wanted {
            name: self.name.unwrap_or_default(),
            driver,
            subnets: self.subnet,
            gateways: self.gateway,
            ranges: self.ip_range,
            interface,
            ipv6: self.ipv6,
            internal: self.internal,
            no_dns: self.disable_dns,
            dns: self.dns,
            ipam: self.ipam_driver,
            routes: self.route,
            labels: named("failed to parse labels", &self.label)?,
            options: named("unable to parse options", &self.opt)?,
        };
        let created = match create::create(&ctx, wanted) {
            Err(error) if self.ignore => match error.downcast_ref() {
                Some(NetworkError::Exists(name)) => network::find(&ctx, name)?,
                _ => return Err(error),
            },
            created => created?,
        };
        println!("{}", created.name);
        Ok(0)
    }
}
