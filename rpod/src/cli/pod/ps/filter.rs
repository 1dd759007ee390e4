//! `--filter KEY=VALUE`. Of one key any value may hold, but one of every key has to (of labels every one).

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use regex::Regex;

use crate::engine::filter::{pattern, split, until};
use crate::engine::pod::record::Pod;
use crate::engine::pod::status::{self, Member};

#[derive(Debug)]
pub(super) struct Filter {
    key: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    ContainerId(Id),
    ContainerName(Regex),
    ContainerNumber(usize),
    ContainerStatus(String),
    Id(Id),
    Label(String, Option<String>),
    NoLabel(String, Option<String>),
    Name(Regex),
    Network(String),
    Status(String),
    Until(Timestamp),
}

/// What an id begins with, or a regular expression if it says so by a `^`.
#[derive(Debug)]
enum Id {
    Prefix(String),
    Matching(Regex),
}

impl Filter {
    pub(super) fn parse(text: &str) -> Result<Filter> {
        let (key, value) = split(text)?;
        let regex = || pattern(value);
        let one_of = |known: &[&str], what: &str| {
            if known.contains(&value) {
                Ok(value.to_owned())
            } else {
                bail!("{value} is not a valid {what}")
            }
        };
        let test = match key {
            "ctr-ids" => Test::ContainerId(Id::parse(value)?),
            "ctr-names" => Test::ContainerName(regex()?),
            "ctr-number" => Test::ContainerNumber(
                value
                    .parse()
                    .with_context(|| format!("filter ctr-number: {value:?} is no number"))?,
            ),
            "ctr-status" => {
                let known = [
                    "created", "running", "paused", "stopped", "exited", "unknown",
                ];
                Test::ContainerStatus(one_of(&known, "status")?.replace("stopped", "exited"))
            }
            "id" => Test::Id(Id::parse(value)?),
            "label" | "label!" => {
                let (label, wanted) = match value.split_once('=') {
                    Some((label, wanted)) => (label.to_owned(), Some(wanted.to_owned())),
                    None => (value.to_owned(), None),
                };
                if key == "label" {
                    Test::Label(label, wanted)
                } else {
                    Test::NoLabel(label, wanted)
                }
            }
            "name" => Test::Name(regex()?),
            "network" => Test::Network(value.to_owned()),
            "status" => {
                let known = [
                    "stopped", "running", "paused", "exited", "dead", "created", "degraded",
                ];
                Test::Status(one_of(&known, "pod status")?)
            }
            "until" => Test::Until(until(value)?),
            _ => bail!("{key} is an invalid filter"),
        };
        Ok(Filter {
            key: key.to_owned(),
            test,
        })
    }

    pub(super) fn all_take(filters: &[Filter], pod: &Pod, members: &[Member]) -> bool {
        filters.iter().all(|filter| match filter.test {
            Test::Label(..) | Test::NoLabel(..) => filter.takes(pod, members),
            _ => filters
                .iter()
                .any(|other| other.key == filter.key && other.takes(pod, members)),
        })
    }

    fn takes(&self, pod: &Pod, members: &[Member]) -> bool {
        let has = |label: &String, wanted: &Option<String>| {
            let value = pod.labels.get(label);
            value.is_some_and(|value| wanted.as_ref().is_none_or(|wanted| wanted == value))
        };
        match &self.test {
            Test::ContainerId(id) => members.iter().any(|member| id.is(&member.container.id)),
            Test::ContainerName(regex) => members
                .iter()
                .any(|member| regex.is_match(&member.container.name)),
            Test::ContainerNumber(number) => members.len() == *number,
            Test::ContainerStatus(word) => {
                members.iter().any(|member| member.status.word() == word)
            }
            Test::Id(id) => id.is(&pod.id),
            Test::Label(label, wanted) => has(label, wanted),
            Test::NoLabel(label, wanted) => !has(label, wanted),
            Test::Name(regex) => regex.is_match(&pod.name),
            Test::Network(name) => members.iter().any(|member| {
                member.container.infra && member.container.network.names.contains(name)
            }),
            Test::Status(word) => status::word(members).eq_ignore_ascii_case(word),
            Test::Until(point) => pod
                .created
                .parse::<Timestamp>()
                .is_ok_and(|created| created < *point),
        }
    }
}

impl Id {
    fn parse(text: &str) -> Result<Id> {
        Ok(if text.starts_with('^') {
            Id::Matching(pattern(text)?)
        } else {
            Id::Prefix(text.to_owned())
        })
    }

    fn is(&self, id: &str) -> bool {
        match self {
            Id::Prefix(prefix) => id.starts_with(prefix.as_str()),
            Id::Matching(regex) => regex.is_match(id),
        }
    }
}
