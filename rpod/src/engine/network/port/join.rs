//! Ports that were asked for several times or stand one behind the other become one range.

use anyhow::{Result, bail};

use super::Mapping;

/// The mappings by address and protocol, in the order in which these were asked for first, and then by the host's port.
/// Of one address a port can lead to one place only.
pub fn joined(mappings: Vec<Mapping>) -> Result<Vec<Mapping>> {
    let mut groups: Vec<Vec<Mapping>> = Vec::new();
    for mapping in mappings {
        match groups.iter_mut().find(|group| is_of(group, &mapping)) {
            Some(group) => group.push(mapping),
            None => groups.push(vec![mapping]),
        }
    }
    let mut all: Vec<Mapping> = Vec::new();
    for mut group in groups {
        group.sort_by_key(|mapping| (mapping.host_port, mapping.container_port));
        let first = all.len();
        for mapping in group {
            let is_taken_in = match all[first..].last_mut() {
                Some(last) => last.takes_in(&mapping)?,
                None => false,
            };
            if !is_taken_in {
                all.push(mapping);
            }
        }
    }
    Ok(all)
}

fn is_of(group: &[Mapping], mapping: &Mapping) -> bool {
    group
        .first()
        .is_some_and(|one| one.host_ip == mapping.host_ip && one.protocol == mapping.protocol)
}

impl Mapping {
    /// Grows by another that begins no sooner, if that touches it and leads to the same places.
    fn takes_in(&mut self, next: &Mapping) -> Result<bool> {
        let distance = next.host_port - self.host_port;
        if distance > self.range {
            return Ok(false);
        }
        if next.container_port.checked_sub(self.container_port) == Some(distance) {
            self.range = self.range.max(distance + next.range);
            return Ok(true);
        }
        if distance < self.range {
            bail!(
                "conflicting port mappings for host port {} (protocol {})",
                next.host_port,
                next.protocol
            );
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::parse;
    use super::*;

    fn shown(texts: &[&str]) -> Result<Vec<String>> {
        let all = texts.iter().flat_map(|text| parse(text).unwrap()).collect();
        Ok(joined(all)?.iter().map(Mapping::shown).collect())
    }

    #[test]
    fn ranges_grow() {
        assert_eq!(
            shown(&["30080:30080", "80:80", "8000:8080", "81:81", "80-82:80-82"]).unwrap(),
            [
                "0.0.0.0:80-82->80-82/tcp",
                "0.0.0.0:8000->8080/tcp",
                "0.0.0.0:30080->30080/tcp"
            ]
        );
        assert_eq!(
            shown(&["53:53/udp", "127.0.0.1:53:53/udp", "52:52/udp"]).unwrap(),
            ["0.0.0.0:52-53->52-53/udp", "127.0.0.1:53->53/udp"]
        );
        assert_eq!(shown(&["80:80", "81:90"]).unwrap().len(), 2);
        assert_eq!(shown(&["1:2", "65535:65535"]).unwrap().len(), 2);
    }

    #[test]
    fn a_port_leads_to_one_place() {
        let error = shown(&["1000-2000:2000-3000", "1999-2999:3001-4001"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "conflicting port mappings for host port 1999 (protocol tcp)"
        );
        assert!(shown(&["80:80", "80:81"]).is_err());
        assert!(shown(&["80:80", "127.0.0.1:80:81", "80:81/udp"]).is_ok());
    }
}
