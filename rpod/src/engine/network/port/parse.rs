//! How ports are written on the command line. What is wrong with them is told in podman's words.

use std::net::IpAddr;

use anyhow::{Context as _, Result, bail};

use super::{Mapping, held};
use crate::output::parse_number;

/// Reads `[[IP:][HOST]:]CONTAINER[/PROTOCOL]`; HOST and CONTAINER may be ranges. A host port that is not given is a free one.
pub fn parse(text: &str) -> Result<Vec<Mapping>> {
    let (ports, protocols) = match text.split('/').collect::<Vec<_>>()[..] {
        [ports] => (ports, "tcp"),
        [_, ""] => bail!("must provide a non-empty protocol to publish"),
        [ports, protocols] => (ports, protocols),
        _ => bail!("invalid port format - protocol can only be specified once"),
    };
    let fields = Fields::of(ports)?;
    if fields.container.is_empty() {
        bail!("must provide a non-empty container port to publish");
    }
    let (container_port, length) = range(fields.container).context("parsing container port")?;
    let host_ip = match fields.ip {
        Some("") => bail!("must provide a non-empty container host IP to publish"),
        Some(ip) => address(ip)?,
        None => String::new(),
    };
    let mut all = Vec::new();
    for protocol in protocols.split(',') {
        let one = Mapping {
            host_ip: host_ip.clone(),
            container_port,
            host_port: 0,
            range: length,
            protocol: known(protocol)
                .with_context(|| format!("unrecognized protocol {protocol:?} in port mapping"))?
                .to_owned(),
        };
        all.extend(with_host(one, fields.host)?);
    }
    Ok(all)
}

/// What stands between the colons.
struct Fields<'a> {
    ip: Option<&'a str>,
    host: &'a str,
    container: &'a str,
}

impl Fields<'_> {
    fn of(ports: &str) -> Result<Fields<'_>> {
        if let Some((ip, rest)) = in_brackets(ports)? {
            return match rest.split(':').collect::<Vec<_>>()[..] {
                [host, container] => Ok(Fields {
                    ip: Some(ip),
                    host,
                    container,
                }),
                [_] => bail!(
                    "invalid port format - must provide host and destination port if specifying an IP"
                ),
                _ => bail!(
                    "invalid port format - when v6 address specified, must be [ipv6]:hostPort:ctrPort"
                ),
            };
        }
        let (ip, host, container) = match ports.split(':').collect::<Vec<_>>()[..] {
            [container] => (None, "", container),
            [host, container] => (None, host, container),
            [ip, host, container] => (Some(ip), host, container),
            _ => bail!("invalid port format - format is [[hostIP:]hostPort:]containerPort"),
        };
        Ok(Fields {
            ip,
            host,
            container,
        })
    }
}

/// `[IP]:REST`
fn in_brackets(ports: &str) -> Result<Option<(&str, &str)>> {
    let Some((before, rest)) = ports.split_once(']') else {
        return Ok(None);
    };
    if rest.contains(']') {
        bail!("invalid port format - at most one IPv6 address can be specified in a --publish");
    }
    let ip = before
        .strip_prefix('[')
        .context("invalid port format - IPv6 addresses must be enclosed by []")?;
    let rest = rest
        .strip_prefix(':')
        .context("invalid port format - IPv6 address must be followed by a colon (':')")?;
    Ok(Some((ip, rest)))
}

fn with_host(mapping: Mapping, host: &str) -> Result<Vec<Mapping>> {
    if host.is_empty() {
        return (0..mapping.range)
            .map(|offset| {
                Ok(Mapping {
                    container_port: mapping.container_port + offset,
                    host_port: held::free_port(&mapping)?,
                    range: 1,
                    ..mapping.clone()
                })
            })
            .collect();
    }
    let (host_port, length) = range(host).context("parsing host port")?;
    if length != mapping.range {
        bail!(
            "host and container port ranges have different lengths: {length} vs {}",
            mapping.range
        );
    }
    Ok(vec![Mapping {
        host_port,
        ..mapping
    }])
}

/// The same ports at the addresses that containers.conf names for those that were given none.
pub fn at_default_addresses(mappings: Vec<Mapping>, addresses: &[String]) -> Result<Vec<Mapping>> {
    let mut all = Vec::new();
    for mapping in mappings {
        if !mapping.host_ip.is_empty() || addresses.is_empty() {
            all.push(mapping);
            continue;
        }
        for text in addresses {
            let bare = text
                .strip_prefix('[')
                .and_then(|text| text.strip_suffix(']'));
            let host_ip =
                address(bare.unwrap_or(text)).context("default_host_ips of containers.conf")?;
            all.push(Mapping {
                host_ip,
                ..mapping.clone()
            });
        }
    }
    Ok(all)
}

/// `PORT[-PORT][/PROTOCOL]`: each port by itself, as `80/tcp`.
pub fn exposed(text: &str) -> Result<Vec<String>> {
    let (ports, protocols) = text.split_once('/').unwrap_or((text, "tcp"));
    if protocols.contains('/') {
        bail!("invalid expose format - protocol can only be specified once");
    }
    let (first, length) = range(ports)?;
    let mut all = Vec::new();
    for protocol in protocols.split(',') {
        let protocol = match protocol {
            "" => "tcp",
            protocol => known(protocol).with_context(|| {
                format!(
                    "validating protocols for exposed port {first}: unrecognized protocol {protocol:?} in port mapping"
                )
            })?,
        };
        all.extend((0..length).map(|offset| format!("{}/{protocol}", first + offset)));
    }
    Ok(all)
}

fn known(protocol: &str) -> Option<&'static str> {
    let mut known = ["tcp", "udp", "sctp"].into_iter();
    known.find(|known| known.eq_ignore_ascii_case(protocol))
}

/// The first port of a range and how many there are.
fn range(text: &str) -> Result<(u16, u16)> {
    match text.split('-').collect::<Vec<_>>()[..] {
        ["", ..] => bail!("port numbers cannot be negative"),
        [one] => Ok((port(one)?, 1)),
        [_, ""] => bail!("must provide ending number for port range"),
        [first, last] => {
            let (first, last) = (port(first)?, port(last)?);
            match last.checked_sub(first) {
                None | Some(0) => bail!(
                    "the end port of a range must be higher than the start port - {last} is not higher than {first}"
                ),
                Some(more) => Ok((first, more + 1)),
            }
        }
        _ => bail!("invalid port format - port ranges are formatted as startPort-stopPort"),
    }
}

fn port(text: &str) -> Result<u16> {
    let number: i64 = parse_number("Atoi", text).context("invalid port number")?;
    match u16::try_from(number) {
        Ok(port) if port > 0 => Ok(port),
        _ => bail!("port numbers must be between 1 and 65535 (inclusive), got {number}"),
    }
}

fn address(text: &str) -> Result<String> {
    let parsed: Option<IpAddr> = text.parse().ok();
    let parsed = parsed.with_context(|| format!("cannot parse {text:?} as an IP address"))?;
    Ok(parsed.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Vec<String> {
        parse(text).unwrap().iter().map(Mapping::shown).collect()
    }

    #[test]
    fn mappings() {
        assert_eq!(shown("8080:80"), ["0.0.0.0:8080->80/tcp"]);
        assert_eq!(shown("127.0.0.1:53:53/udp"), ["127.0.0.1:53->53/udp"]);
        assert_eq!(shown("[::1]:1-3:4-6"), ["::1:1-3->4-6/tcp"]);
        assert_eq!(shown("1:1/tcp,udp").len(), 2);
        assert_ne!(parse("80").unwrap()[0].host_port, 0);
        assert_ne!(parse("127.0.0.1::80").unwrap()[0].host_port, 0);
        assert_eq!(parse("5-7").unwrap().len(), 3);
        for bad in [
            "",
            "0",
            "80:0",
            "0:80",
            ":80:80",
            "80/tcp/udp",
            "1:2:3:4:5",
            "[::1]:80",
            "[::1]:1:2:3",
            "5-5:5-5",
            "1-2:3",
            "x:80",
            "80/foo",
            "1.2.3:80:80",
            "5-3:5-3",
            "99999:1",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn exposed_ports() {
        assert_eq!(exposed("80").unwrap(), ["80/tcp"]);
        assert_eq!(exposed("5-6/udp").unwrap(), ["5/udp", "6/udp"]);
        assert_eq!(exposed("1/tcp,udp").unwrap(), ["1/tcp", "1/udp"]);
        for bad in ["", "0", "x", "80/foo", "6-5", "65536"] {
            assert!(exposed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ports_without_an_address_have_the_configured_ones() {
        let addresses = ["127.0.0.1".to_owned(), "[::1]".to_owned()];
        let shown = |text, addresses: &[String]| -> Vec<String> {
            let all = at_default_addresses(parse(text).unwrap(), addresses).unwrap();
            all.iter().map(Mapping::shown).collect()
        };
        assert_eq!(
            shown("8080:80", &addresses),
            ["127.0.0.1:8080->80/tcp", "::1:8080->80/tcp"]
        );
        assert_eq!(shown("0.0.0.0:1:1", &addresses), ["0.0.0.0:1->1/tcp"]);
        assert_eq!(shown("1:1", &[]), ["0.0.0.0:1->1/tcp"]);
        assert!(at_default_addresses(parse("1:1").unwrap(), &["here".to_owned()]).is_err());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\PC{0,20}|[0-9:./\\[\\]-]{0,24}") {
            for mapping in parse(&text).into_iter().flatten() {
                mapping.each().for_each(drop);
                mapping.shown();
            }
        }
    }
}
