//! The policy as systemd's `DeviceAllow=` has it.

use super::{Devices, Kind, Policy, letters};

impl Policy {
    /// What systemd is to allow beside nothing else; `known` is the text of /proc/devices, since systemd names all devices of a
    /// major number by their driver's name. `None` where it cannot be expressed.
    pub(in crate::cgroup) fn allow_list(&self, known: &str) -> Option<Vec<(String, String)>> {
        if self.allowed {
            return None;
        }
        let entry = |(devices, access): (&Devices, &u8)| {
            Some((specifier(devices, known)?, letters(*access)))
        };
        self.exceptions.iter().map(entry).collect()
    }
}

fn specifier(devices: &Devices, known: &str) -> Option<String> {
    let (kind, section) = match devices.kind {
        Kind::Block => ("block", "Block devices:"),
        Kind::Char => ("char", "Character devices:"),
    };
    match (devices.major, devices.minor) {
        (None, None) => Some(format!("{kind}-*")),
        (None, Some(_)) => None,
        (Some(major), Some(minor)) => Some(format!("/dev/{kind}/{major}:{minor}")),
        (Some(major), None) => {
            let lines = known.lines().skip_while(|line| *line != section).skip(1);
            let mut names = lines
                .take_while(|line| !line.is_empty())
                .filter_map(|line| line.trim().split_once(' '));
            names
                .find(|(number, _)| number.parse() == Ok(major))
                .map(|(_, name)| format!("{kind}-{}", name.trim()))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::tests::rule;
    use super::*;

    const KNOWN: &str =
        "Character devices:\n  1 mem\n136 pts\n\nBlock devices:\n  8 sd\n136 other\n";

    #[test]
    fn majors_have_their_drivers_names() {
        let rules = [
            rule(false, "a", -1, -1, "rwm"),
            rule(true, "b", 8, -1, "r"),
            rule(true, "b", 254, 0, "rw"),
        ];
        let list = Policy::new(&rules).unwrap().allow_list(KNOWN).unwrap();
        for expected in [
            ("block-sd", "r"),
            ("/dev/block/254:0", "rw"),
            ("char-pts", "rwm"),
            ("char-*", "m"),
            ("/dev/char/1:3", "rwm"),
        ] {
            assert!(
                list.contains(&(expected.0.to_owned(), expected.1.to_owned())),
                "{expected:?} in {list:?}"
            );
        }
    }

    #[test]
    fn what_systemd_cannot_say_is_no_list() {
        for rules in [
            vec![rule(true, "a", -1, -1, "rwm")],
            vec![rule(true, "c", 77, -1, "r")],
            vec![rule(true, "c", -1, 7, "r")],
        ] {
            assert_eq!(Policy::new(&rules).unwrap().allow_list(KNOWN), None);
        }
    }
}
