//! The addresses that a container had: connections that are restored end there.

use std::path::Path;

use anyhow::Result;

use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::network::connection;
use crate::engine::network::netavark::Answer;
use crate::store::record::{self, Durability};

/// As podman has it: by network, what netavark answered.
pub(super) const STATUS: &str = "network.status";

/// Which of the addresses it shall not have again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ignoring {
    pub ip: bool,
    pub mac: bool,
}

pub(super) fn keep(ctx: &Context, container: &Container, home: &Path) -> Result<()> {
    let connection = connection::of(ctx, &container.id)?;
    let answer = connection.map(|connection| connection.answer);
    record::save(
        &home.join(STATUS),
        &answer.unwrap_or_default(),
        Durability::Disk,
    )
}

/// The container asks for the addresses that it had.
pub(super) fn ask_again(container: &mut Container, home: &Path, ignoring: Ignoring) -> Result<()> {
    let Some(status) = record::load_if_there::<Answer>(&home.join(STATUS))? else {
        return Ok(());
    };
    for name in &container.network.names {
        let Some((interface, had)) = status
            .get(name)
            .and_then(|one| one.interfaces.iter().next())
        else {
            continue;
        };
        let asked = container.network.endpoints.entry(name.clone()).or_default();
        asked.interface = Some(interface.clone());
        if !ignoring.mac && !had.mac_address.is_empty() {
            asked.mac = Some(had.mac_address.clone());
        }
        if !ignoring.ip {
            asked.ips = had
                .subnets
                .iter()
                .map(|subnet| subnet.ipnet.addr())
                .collect();
        }
    }
    Ok(())
}

/// It asks for no addresses at all.
pub(super) fn ignore(container: &mut Container, ignoring: Ignoring) {
    for asked in container.network.endpoints.values_mut() {
        if ignoring.ip {
            asked.ips.clear();
        }
        if ignoring.mac {
            asked.mac = None;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_gets_the_addresses_that_it_had() {
        let dir = tempfile::tempdir().unwrap();
        let status = r#"{"net":{"interfaces":{"eth3":{"mac_address":"aa:bb:cc:dd:ee:ff","subnets":[{"ipnet":"10.1.2.3/24"}]}}}}"#;
        std::fs::write(dir.path().join(STATUS), status).unwrap();
        let asked = |ignoring| {
            let mut container = Container::default();
            container.network.names.push("net".to_owned());
            ask_again(&mut container, dir.path(), ignoring).unwrap();
            container.network.endpoints.remove("net").unwrap()
        };
        let all = asked(Ignoring::default());
        assert_eq!(all.ips, ["10.1.2.3".parse::<std::net::IpAddr>().unwrap()]);
        assert_eq!(all.interface.as_deref(), Some("eth3"));
        assert_eq!(all.mac.as_deref(), Some("aa:bb:cc:dd:ee:ff"));
        let none = asked(Ignoring {
            ip: true,
            mac: true,
        });
        assert!(none.ips.is_empty() && none.mac.is_none());
    }
}
