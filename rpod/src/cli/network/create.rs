//! `rpod network create`: podman-network-create(1).

use std::net::IpAddr;

use anyhow::Result;
use clap::Args;
use ipnet::IpNet;

use crate::cli::options::pairs;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::network::{self, NetworkError, create};

#[derive(Args, Debug)]
pub struct Create {
    /// Disable the answering of names in this network
    #[arg(long)]
    disable_dns: bool,
    /// Driver to manage the network (bridge, macvlan)
    #[arg(short, long, default_value = "bridge", value_parser = ["bridge", "macvlan"])]
    driver: String,
    /// IPv4 or IPv6 gateway for the subnet
    #[arg(long, value_name = "IP", value_delimiter = ',')]
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
    /// Enable IPv6 networking
    #[arg(long)]
    ipv6: bool,
    /// Set metadata on the network
    #[arg(long, value_name = "KEY=VALUE")]
    label: Vec<String>,
    /// Set driver specific options (mtu, vlan, isolate, parent, mode)
    #[arg(short, long, value_name = "KEY=VALUE")]
    opt: Vec<String>,
    /// Subnets in CIDR format
    #[arg(long, value_name = "CIDR")]
    subnet: Vec<IpNet>,
    /// Name of the new network; one is made up without
    name: Option<String>,
}

impl Verb for Create {
    const NAME: &'static str = "create";
    const ABOUT: &'static str = "Create networks for containers and pods";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let wanted = create::Wanted {
            name: self.name.unwrap_or_default(),
            driver: self.driver,
            subnets: self.subnet,
            gateways: self.gateway,
            ranges: self.ip_range,
            interface: self.interface_name,
            ipv6: self.ipv6,
            internal: self.internal,
            no_dns: self.disable_dns,
            labels: pairs(&self.label).collect(),
            options: pairs(&self.opt).collect(),
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
