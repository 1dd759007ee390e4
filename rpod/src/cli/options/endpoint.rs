//! One network that a container is connected to, and what it is there: `--network NAME[:KEY=VALUE,…]`.

use anyhow::{Context as _, Result, bail};

use crate::engine::container::record::{Endpoint, Network};
use crate::engine::{Context, network};

/// `NAME[:KEY=VALUE,…]`, where `bridge` is the default network.
pub(super) fn connect(ctx: &Context, text: &str, network: &mut Network) -> Result<()> {
    let (name, options) = text.split_once(':').unwrap_or((text, ""));
    if matches!(
        name,
        "none" | "host" | "container" | "ns" | "private" | "pasta" | "slirp4netns"
    ) {
        bail!(
            "can only set extra network names, selected mode {name} conflicts with bridge: invalid argument"
        );
    }
    if name.is_empty() {
        bail!("network name cannot be empty: invalid argument");
    }
    let endpoint = parse_endpoint(options);
    let (endpoint, found) = match name {
        "bridge" | "default" => (endpoint?, network::default_name(ctx)),
        name => {
            let wrong = || format!("invalid option for network {name}");
            (endpoint.with_context(wrong)?, name)
        }
    };
    let found = network::find(ctx, found)?;
    if network.names.contains(&found.name) {
        bail!("network {} is given twice", found.name);
    }
    network.bridged = true;
    network.names.push(found.name.clone());
    network.endpoints.insert(found.name, endpoint);
    Ok(())
}

fn parse_endpoint(options: &str) -> Result<Endpoint> {
    let mut endpoint = Endpoint::default();
    for option in options.split(',').filter(|option| !option.is_empty()) {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        match key {
            "ip" | "ip6" => endpoint.ips.push(
                value
                    .parse()
                    .with_context(|| format!("invalid ip address {value:?}"))?,
            ),
            "mac" => endpoint.mac = Some(parse_mac(value)?),
            "alias" if !value.is_empty() => endpoint.aliases.push(value.to_owned()),
            "interface_name" if !value.is_empty() => endpoint.interface = Some(value.to_owned()),
            _ => bail!("unknown bridge network option: {key}"),
        }
    }
    Ok(endpoint)
}

/// Six pairs of hexadecimal digits.
pub(in crate::cli) fn parse_mac(text: &str) -> Result<String> {
    let pairs: Vec<&str> = text.split([':', '-']).collect();
    let is_pair = |pair: &&str| pair.len() == 2 && u8::from_str_radix(pair, 16).is_ok();
    if pairs.len() != 6 || !pairs.iter().all(is_pair) {
        bail!("address {text}: invalid MAC address");
    }
    Ok(pairs.join(":").to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::net::IpAddr;

    #[test]
    fn endpoints() {
        let endpoint = parse_endpoint("ip=10.0.0.2,mac=92:D0:C6:0A:29:33,alias=a,alias=b").unwrap();
        assert_eq!(endpoint.ips, ["10.0.0.2".parse::<IpAddr>().unwrap()]);
        assert_eq!(endpoint.mac.as_deref(), Some("92:d0:c6:0a:29:33"));
        assert_eq!(endpoint.aliases, ["a", "b"]);
        for bad in ["ip=x", "fly=1", "mac=1:2", "alias="] {
            assert!(parse_endpoint(bad).is_err(), "{bad}");
        }
    }
}
