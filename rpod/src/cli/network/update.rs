//! `rpod network update`: podman-network-update(1).

use std::net::IpAddr;

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::network::update;

#[derive(Args, Debug)]
pub struct Update {
    /// Add network level nameservers
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    dns_add: Vec<IpAddr>,
    /// Remove network level nameservers
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    dns_drop: Vec<IpAddr>,
    /// Name or ID of a network
    network: String,
}

impl Verb for Update {
    const NAME: &'static str = "update";
    const ABOUT: &'static str = "Update an existing network";

    fn call(self, globals: &Globals) -> Result<u8> {
        if self.dns_add.is_empty() && self.dns_drop.is_empty() {
            bail!("nothing to update: give --dns-add or --dns-drop");
        }
        let ctx = Context::new(globals)?;
        update::dns(&ctx, &self.network, &self.dns_add, &self.dns_drop)?;
        Ok(0)
    }
}
