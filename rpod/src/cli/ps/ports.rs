//! Ports as `ps` shows them: those that are published, then those that the container only says it listens at.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde_json::{Value, json};

use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::network::port::{self, Mapping};

pub(super) fn published(ctx: &Context, container: &Container) -> Result<Value> {
    let ports = port::of(ctx, container)?;
    Ok(if ports.is_empty() {
        Value::Null
    } else {
        json!(ports)
    })
}

/// Protocols by port.
pub(super) fn exposed(container: &Container) -> Value {
    let mut all: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for text in &container.network.exposed {
        if let Some((port, protocol)) = text.split_once('/')
            && let Ok(port) = port.parse()
        {
            all.entry(port).or_default().push(protocol);
        }
    }
    if all.is_empty() {
        Value::Null
    } else {
        json!(all)
    }
}

/// `0.0.0.0:8080->80/tcp, 90-92/tcp`
pub(super) fn shown(row: &Value) -> Option<String> {
    let published: Option<Vec<Mapping>> = serde_json::from_value(row["Ports"].clone()).ok()?;
    let published = published.unwrap_or_default();
    let mut words: Vec<String> = published.iter().map(Mapping::shown).collect();
    let is_published: BTreeSet<String> = published
        .iter()
        .flat_map(Mapping::each)
        .map(|(port, ..)| port)
        .collect();
    let exposed: Option<BTreeMap<u16, Vec<String>>> =
        serde_json::from_value(row["ExposedPorts"].clone()).ok()?;
    let mut left = BTreeSet::new();
    for (port, protocols) in exposed.unwrap_or_default() {
        left.extend(protocols.into_iter().map(|protocol| (protocol, port)));
    }
    left.retain(|(protocol, port)| !is_published.contains(&format!("{port}/{protocol}")));
    words.extend(ranges(left));
    Some(words.join(", "))
}

/// Ports one behind the other are told as one.
fn ranges(ports: BTreeSet<(String, u16)>) -> Vec<String> {
    let mut found: Vec<(String, u16, u16)> = Vec::new();
    for (protocol, port) in ports {
        match found.last_mut() {
            Some((same, _, last)) if *same == protocol && *last + 1 == port => *last = port,
            _ => found.push((protocol, port, port)),
        }
    }
    let shown = found
        .into_iter()
        .map(|(protocol, first, last)| match first == last {
            true => format!("{first}/{protocol}"),
            false => format!("{first}-{last}/{protocol}"),
        });
    shown.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn exposed_ports_stand_behind_the_published() {
        let row = json!({
            "Ports": [{ "host_ip": "", "container_port": 80, "host_port": 8080, "range": 1, "protocol": "tcp" }],
            "ExposedPorts": { "80": ["tcp", "udp"], "90": ["tcp"], "91": ["tcp"], "99": ["tcp"] },
        });
        let words = shown(&row).unwrap();
        assert_eq!(words, "0.0.0.0:8080->80/tcp, 90-91/tcp, 99/tcp, 80/udp");
        assert_eq!(
            shown(&json!({ "Ports": null, "ExposedPorts": null })).unwrap(),
            ""
        );
    }
}
