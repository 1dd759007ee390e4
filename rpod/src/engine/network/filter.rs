//! Which networks are meant: podman-network-ls(1), "--filter".

use anyhow::{Result, bail};
use jiff::Timestamp;
use regex::Regex;

use super::{Network, remove};
use crate::engine::Context;
use crate::engine::filter::{has_label, pattern, split, truth, until};
use crate::store::id;

#[derive(Debug)]
enum Test {
    Name(Regex),
    IdPrefix(String),
    IdPattern(Regex),
    Driver(String),
    Label(String),
    NoLabel(String),
    Until(Timestamp),
    Dangling(bool),
}

/// Those of one key are alternatives, those of different keys all have to hold.
#[derive(Debug, Default)]
pub struct Filter(Vec<Test>);

impl Filter {
    pub fn parse(texts: &[String]) -> Result<Filter> {
        let mut tests = Vec::new();
        for text in texts {
            let (key, value) = split(text)?;
            // `label!=x`
            let (key, negated) = key
                .strip_suffix('!')
                .map_or((key, false), |key| (key, true));
            let value = value.to_owned();
            tests.push(match (key, negated) {
                ("name", false) => Test::Name(pattern(&value)?),
                ("id", false) if id::is_prefix(&value.to_ascii_lowercase()) => {
                    Test::IdPrefix(value.to_ascii_lowercase())
                }
                ("id", false) => Test::IdPattern(pattern(&value)?),
                ("driver", false) => Test::Driver(value),
                ("label", false) => Test::Label(value),
                ("label", true) => Test::NoLabel(value),
                ("until", false) => Test::Until(until(&value)?),
                ("dangling", false) => Test::Dangling(truth(&value, || {
                    format!("invalid dangling filter value {value:?}")
                })?),
                _ => bail!("invalid filter {key:?}"),
            });
        }
        Ok(Filter(tests))
    }

    pub fn apply(&self, ctx: &Context, mut networks: Vec<Network>) -> Result<Vec<Network>> {
        let unused = if self.0.iter().any(|test| matches!(test, Test::Dangling(_))) {
            let unused = remove::unused(ctx)?;
            unused.into_iter().map(|network| network.name).collect()
        } else {
            Vec::new()
        };
        networks.retain(|network| {
            self.0.iter().all(|test| {
                let same_key =
                    |other: &&Test| std::mem::discriminant(*other) == std::mem::discriminant(test);
                match test {
                    Test::NoLabel(_) | Test::Label(_) => test.holds(network, &unused),
                    _ => self
                        .0
                        .iter()
                        .filter(same_key)
                        .any(|test| test.holds(network, &unused)),
                }
            })
        });
        Ok(networks)
    }
}

impl Test {
    fn holds(&self, network: &Network, unused: &[String]) -> bool {
        match self {
            Test::Name(name) => name.is_match(&network.name),
            Test::IdPrefix(id) => network.id.starts_with(id.as_str()),
            Test::IdPattern(id) => id.is_match(&network.id),
            Test::Driver(driver) => network.driver == *driver,
            Test::Label(label) => has_label(&network.labels, label),
            Test::NoLabel(label) => !has_label(&network.labels, label),
            Test::Until(point) => network
                .created
                .parse::<Timestamp>()
                .is_ok_and(|created| created < *point),
            Test::Dangling(wanted) => unused.contains(&network.name) == *wanted,
        }
    }
}
