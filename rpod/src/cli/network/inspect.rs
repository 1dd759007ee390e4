//! `rpod network inspect`: podman-network-inspect(1).

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use crate::cli::{Globals, Verb, first_of};
use crate::engine::{Context, network};
use crate::output;

#[derive(Args, Debug)]
pub struct Inspect {
    /// Format the output as json or by a Go template
    #[arg(short, long, default_value = "json")]
    format: String,
    /// Names or IDs of networks
    #[arg(required = true, value_name = "NETWORK")]
    networks: Vec<String>,
}

impl Verb for Inspect {
    const NAME: &'static str = "inspect";
    const ABOUT: &'static str = "Inspect network";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for name in &self.networks {
            match network::find(&ctx, name).and_then(|one| network::inspect::network(&ctx, &one)) {
                Ok(value) => found.push(value),
                Err(error) => missing.push(error.context(format!("network {name}"))),
            }
        }
        output::inspected_with("inspect", &found, &self.format, go_name)?;
        first_of(missing)
    }
}

/// Go's names of the fields, whose JSON names are in small letters.
pub fn go_name(object: &Value, name: &str, _: &[Value]) -> Option<Value> {
    let key = match name {
        "ID" => "id".to_owned(),
        "IPv6Enabled" => "ipv6_enabled".to_owned(),
        "DNSEnabled" => "dns_enabled".to_owned(),
        "NetworkDNSServers" => "network_dns_servers".to_owned(),
        "IPAMOptions" => "ipam_options".to_owned(),
        "IPNet" => "ipnet".to_owned(),
        other => snake(other),
    };
    match object.get(&key) {
        Some(value) => Some(value.clone()),
        // What is empty is left out of the JSON, but it is a field all the same.
        None if FIELDS.contains(&key.as_str()) && object.get("driver").is_some() => {
            Some(Value::Null)
        }
        None => None,
    }
}

const FIELDS: [&str; 6] = [
    "labels",
    "options",
    "subnets",
    "routes",
    "network_dns_servers",
    "network_interface",
];

/// `NetworkInterface` to `network_interface`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
