//! sd_listen_fds(3): the sockets that a unit hands to rpod, and rpod to the container's first process.
//!
//! They stay where they are, at 3 and on, through the monitor and the runtime; only the container is told of them, by variables whose
//! process is its own first.

use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail};

use crate::monitor::descriptors::{FIRST, Preserved};

/// What was handed to this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sockets {
    pub count: u32,
    names: Option<String>,
}

impl Sockets {
    /// Reads the environment. What is meant for another process is not ours to pass on.
    pub fn of_environment() -> Result<Sockets> {
        static HANDED: OnceLock<bool> = OnceLock::new();
        let value = |name: &str| std::env::var(name).ok();
        let sockets = Sockets::named(
            value("LISTEN_PID").as_deref(),
            value("LISTEN_FDS").as_deref(),
            value("LISTEN_FDNAMES"),
            std::process::id(),
        );
        if !HANDED.get_or_init(|| sockets.were_handed()) {
            bail!(
                "LISTEN_FDS={}: not all of the descriptors from {FIRST} on were handed to rpod: unset it, or open them",
                sockets.count
            );
        }
        Ok(sockets)
    }

    /// A number in the environment must not give what rpod opens by itself to a container.
    fn were_handed(&self) -> bool {
        self.descriptors().are_inherited()
    }

    fn descriptors(&self) -> Preserved {
        Preserved { count: self.count }
    }

    fn named(pid: Option<&str>, count: Option<&str>, names: Option<String>, own: u32) -> Sockets {
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<u32>().ok());
        match (number(pid), number(count)) {
            (Some(pid), Some(count)) if pid == own && count > 0 => Sockets { count, names },
            _ => Sockets::default(),
        }
    }

    /// Keeps them from every program that is not meant to have them.
    pub fn hold(&self) -> Result<()> {
        self.descriptors().hold().with_context(|| self.failed())
    }

    /// Lets the next program have them.
    pub fn let_through(&self) -> Result<()> {
        self.descriptors()
            .let_through()
            .with_context(|| self.failed())
    }

    fn failed(&self) -> String {
        format!("LISTEN_FDS={}", self.count)
    }

    /// What the container's first process is told.
    pub fn variables(&self) -> Vec<String> {
        if self.count == 0 {
            return Vec::new();
        }
        let mut all = vec![
            format!("LISTEN_FDS={}", self.count),
            "LISTEN_PID=1".to_owned(),
        ];
        all.extend(
            self.names
                .iter()
                .map(|names| format!("LISTEN_FDNAMES={names}")),
        );
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rpod_has_opened_was_not_handed_to_it() {
        // Whatever they are by now, Rust opens none that the next program would have; and so many are open in no test.
        let many = Sockets {
            count: 100_000,
            names: None,
        };
        assert!(!many.were_handed());
        assert!(Sockets::default().were_handed());
    }

    #[test]
    fn only_our_own_are_passed_on() {
        let names = Some("web:admin".to_owned());
        let ours = Sockets::named(Some("7"), Some("2"), names.clone(), 7);
        assert_eq!(
            ours.variables(),
            ["LISTEN_FDS=2", "LISTEN_PID=1", "LISTEN_FDNAMES=web:admin"]
        );
        for (pid, count) in [
            (Some("8"), Some("2")),
            (None, Some("2")),
            (Some("7"), Some("x")),
            (Some("7"), None),
        ] {
            assert_eq!(
                Sockets::named(pid, count, names.clone(), 7),
                Sockets::default()
            );
        }
    }
}
