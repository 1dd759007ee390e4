//! A label: `user:role:type:level`, the level only where the policy has levels.

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub user: String,
    pub role: String,
    pub kind: String,
    /// `s0`, `s0:c1,c2`, `s0-s0:c0.c1023`.
    pub level: Option<String>,
}

impl Label {
    /// The level that several containers have.
    pub const SHARED: &'static str = "s0";

    /// The same at another level, where the policy has levels.
    pub fn at(mut self, level: &str) -> Label {
        if let Some(own) = &mut self.level {
            level.clone_into(own);
        }
        self
    }

    /// As `--security-opt label=` would ask for it.
    pub fn options(self) -> Vec<String> {
        let parts = [
            ("user", Some(self.user)),
            ("role", Some(self.role)),
            ("type", Some(self.kind)),
            ("level", self.level),
        ];
        let given = |(key, value): (&str, Option<String>)| Some(format!("{key}:{}", value?));
        parts.into_iter().filter_map(given).collect()
    }
}

impl FromStr for Label {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Label> {
        let parts: Vec<&str> = text.splitn(4, ':').collect();
        let (user, role, kind, level) = match parts[..] {
            [user, role, kind] => (user, role, kind, None),
            [user, role, kind, level] => (user, role, kind, Some(level)),
            _ => bail!("{text:?} is no SELinux label: user:role:type[:level] is one"),
        };
        Ok(Label {
            user: user.to_owned(),
            role: role.to_owned(),
            kind: kind.to_owned(),
            level: level.map(str::to_owned),
        })
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.user, self.role, self.kind)?;
        self.level
            .iter()
            .try_for_each(|level| write!(f, ":{level}"))
    }
}
