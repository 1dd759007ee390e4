//! Which volumes are meant: podman-volume-ls(1), "--filter".

use anyhow::{Result, bail};
use jiff::Timestamp;
use regex::Regex;

use super::{Volume, remove};
use crate::engine::Context;
use crate::engine::filter::{has_label, pattern, split, truth, until};

#[derive(Debug)]
enum Test {
    Name(Regex),
    Driver(String),
    Label(String),
    NoLabel(String),
    Option(String),
    Scope(String),
    Since(Timestamp),
    Until(Timestamp),
    Anonymous(bool),
    Dangling(bool),
}

/// All have to hold; of several names one.
#[derive(Debug, Default)]
pub struct Filter(Vec<Test>);

impl Filter {
    pub fn parse(ctx: &Context, texts: &[String]) -> Result<Filter> {
        let mut tests = Vec::new();
        for text in texts {
            let (key, value) = split(text)?;
            let owned = value.to_owned();
            let truth = || {
                truth(value, || {
                    format!(
                        "{value:?} is not a valid value for the {key:?} filter - must be true or false"
                    )
                })
            };
            tests.push(match key {
                "name" => Test::Name(pattern(value)?),
                "driver" => Test::Driver(owned),
                "label" => Test::Label(owned),
                "label!" => Test::NoLabel(owned),
                "opt" => Test::Option(owned),
                "scope" => Test::Scope(owned),
                "until" => Test::Until(until(value)?),
                "after" | "since" => Test::Since(super::find(ctx, value)?.created.parse()?),
                "anonymous" => Test::Anonymous(truth()?),
                "dangling" => Test::Dangling(truth()?),
                _ => bail!("{key:?} is an invalid volume filter"),
            });
        }
        Ok(Filter(tests))
    }

    pub fn apply(&self, ctx: &Context, mut volumes: Vec<Volume>) -> Result<Vec<Volume>> {
        let unused: Vec<String> = match self.0.iter().any(|test| matches!(test, Test::Dangling(_)))
        {
            true => remove::unused(ctx)?.into_iter().map(|v| v.name).collect(),
            false => Vec::new(),
        };
        let names: Vec<&Regex> = self.0.iter().filter_map(Test::name).collect();
        volumes.retain(|volume| {
            (names.is_empty() || names.iter().any(|name| name.is_match(&volume.name)))
                && self.0.iter().all(|test| test.holds(volume, &unused))
        });
        Ok(volumes)
    }
}

impl Test {
    fn name(&self) -> Option<&Regex> {
        match self {
            Test::Name(name) => Some(name),
            _ => None,
        }
    }

    fn holds(&self, volume: &Volume, unused: &[String]) -> bool {
        let created = || volume.created.parse::<Timestamp>().ok();
        match self {
            Test::Name(_) => true,
            Test::Driver(driver) => volume.driver == *driver,
            Test::Label(label) => has_label(&volume.labels, label),
            Test::NoLabel(label) => !has_label(&volume.labels, label),
            Test::Option(option) => has_label(&volume.options, option),
            Test::Scope(scope) => scope == "local",
            Test::Since(point) => created().is_some_and(|at| at > *point),
            Test::Until(point) => created().is_some_and(|at| at < *point),
            Test::Anonymous(wanted) => volume.anonymous == *wanted,
            Test::Dangling(wanted) => unused.contains(&volume.name) == *wanted,
        }
    }
}
