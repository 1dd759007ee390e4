//! A container whose init is systemd: podman-run(1), "--systemd".
//!
//! systemd wants temporary file systems where it writes, a cgroup tree that is its own, and to be told that it is in a container.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::engine::container::record::{Container, Namespace};

/// SIGRTMIN+3 asks systemd to halt.
pub const STOP_SIGNAL: i32 = 37;

const INITS: [&str; 3] = ["/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init"];

/// When a container is given what systemd wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// When its command is an init.
    #[default]
    Auto,
    Always,
    Never,
}

impl std::str::FromStr for Mode {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Mode> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "true" => Mode::Auto,
            "always" => Mode::Always,
            "false" => Mode::Never,
            _ => bail!(
                "invalid config provided: --systemd values must be one of \"true, false, always\": invalid configuration"
            ),
        })
    }
}

impl Mode {
    pub fn applies(self, command: &[String]) -> bool {
        match self {
            Mode::Always => true,
            Mode::Never => false,
            Mode::Auto => command.first().is_some_and(|program| is_init(program)),
        }
    }
}

fn is_init(program: &str) -> bool {
    INITS.contains(&program) || program.rsplit('/').next() == Some("systemd")
}

/// What is mounted instead of the read-only groups, and where systemd writes. What was asked for by name comes later and wins.
pub fn mounts(container: &Container) -> Vec<Value> {
    let mut options = vec!["rw", "rprivate", "nosuid", "nodev", "tmpcopyup"];
    let size = container
        .shm_size_systemd
        .map(|bytes| format!("size={bytes}"));
    options.extend(size.as_deref());
    let tmpfs = |destination: &str| json!({ "destination": destination, "type": "tmpfs", "source": "tmpfs", "options": options });
    let mut all: Vec<Value> = ["/run", "/run/lock", "/tmp", "/var/log/journal"]
        .map(tmpfs)
        .into();
    all.push(groups(container));
    all
}

/// The container's cgroups, for writing. In version 1 only systemd's own hierarchy, which limits nothing.
fn groups(container: &Container) -> Value {
    if !super::unified_cgroups() {
        return json!({
            "destination": "/sys/fs/cgroup/systemd", "type": "bind", "source": "/sys/fs/cgroup/systemd",
            "options": ["bind", "nodev", "noexec", "nosuid", "rw"],
        });
    }
    if container.namespaces.cgroup == Namespace::Host {
        return json!({
            "destination": "/sys/fs/cgroup", "type": "bind", "source": "/sys/fs/cgroup",
            "options": ["bind", "private", "rw"],
        });
    }
    json!({ "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["private", "rw"] })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_init_is_known_by_its_path() {
        let applies = |program: &str| Mode::Auto.applies(&[program.to_owned()]);
        for init in [
            "/sbin/init",
            "/usr/sbin/init",
            "systemd",
            "/lib/systemd/systemd",
        ] {
            assert!(applies(init), "{init}");
        }
        for other in ["init", "/bin/init", "/usr/bin/systemd-run", "sh"] {
            assert!(!applies(other), "{other}");
        }
        assert!(!Mode::Auto.applies(&[]) && Mode::Always.applies(&[]));
        assert!("yes".parse::<Mode>().is_err());
    }

    #[test]
    fn the_size_limits_every_tmpfs() {
        let container = Container {
            shm_size_systemd: Some(1 << 20),
            ..Container::default()
        };
        let all = mounts(&container);
        let sized = |mount: &&Value| {
            mount["options"]
                .as_array()
                .unwrap()
                .contains(&json!("size=1048576"))
        };
        assert_eq!(all.iter().filter(sized).count(), 4);
    }
}
