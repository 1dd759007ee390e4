//! `--filter KEY=VALUE` of ps, rm, start, stop, restart, prune: podman-ps(1), "--filter".
//!
//! Of one key any value may hold, but one of every key has to (of labels every one).

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use regex::Regex;

use super::record::{Container, Mount, Namespace};
use super::status::Status;
use crate::engine::filter::{pattern, split, truth, until};
use crate::engine::{Context, image};
use crate::output::parse_number;
use crate::store::{Noun, id, lookup};

#[derive(Debug)]
pub struct Filter {
    key: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Ancestor {
        id: Option<String>,
        /// Of the id, wherever it stands in it.
        part: String,
        name: Regex,
    },
    Before(Timestamp),
    Command(Regex),
    Exited(i32),
    Health(String),
    IdPrefix(String),
    IdPattern(Regex),
    Label {
        wanted: bool,
        key: String,
        value: Option<String>,
    },
    Name(Regex),
    Network(String),
    NetworkOf(String),
    Pod(String),
    RestartPolicy(String),
    Since(Timestamp),
    StartsOnBoot(bool),
    Status(String),
    Volume(String, Option<String>),
}

impl Filter {
    /// All of them, or the first that is wrong.
    pub fn parse_all(ctx: &Context, texts: &[String]) -> Result<Vec<Filter>> {
        texts.iter().map(|text| Filter::parse(ctx, text)).collect()
    }

    /// The few keys that podman-container-prune(1) knows.
    pub fn parse_for_prune(ctx: &Context, texts: &[String]) -> Result<Vec<Filter>> {
        for text in texts {
            let (key, _) = split(text)?;
            if !matches!(key, "label" | "label!" | "until") {
                bail!("{key} is an invalid filter");
            }
        }
        Filter::parse_all(ctx, texts)
    }

    pub fn parse(ctx: &Context, text: &str) -> Result<Filter> {
        let (key, value) = text
            .split_once('=')
            .with_context(|| format!("invalid filter {text:?}"))?;
        let test = match key {
            "ancestor" => Test::Ancestor {
                id: image::find(ctx, value).ok().map(|image| image.id),
                part: value.to_owned(),
                name: pattern(value)?,
            },
            "before" => Test::Before(created(ctx, value)?),
            "since" => Test::Since(created(ctx, value)?),
            "until" => Test::Before(until(value)?),
            "command" => Test::Command(pattern(value)?),
            "exited" => Test::Exited(
                parse_number("ParseInt", value).context("exited code out of range '\\x00'")?,
            ),
            "health" => Test::Health(value.to_owned()),
            "id" if id::is_prefix(&value.to_ascii_lowercase()) => {
                Test::IdPrefix(value.to_ascii_lowercase())
            }
            "id" => Test::IdPattern(pattern(value)?),
            "label" | "label!" => {
                let (label, wanted_value) = match value.split_once('=') {
                    Some((label, value)) => (label, Some(value.to_owned())),
                    None => (value, None),
                };
                Test::Label {
                    wanted: key == "label",
                    key: label.to_owned(),
                    value: wanted_value,
                }
            }
            // Docker's names begin with a slash.
            "name" => Test::Name(pattern(&match value.strip_prefix("^/") {
                Some(rest) => format!("^{rest}"),
                None => value.trim_start_matches('/').to_owned(),
            })?),
            "network" => match value.strip_prefix("container:") {
                Some(owner) => Test::NetworkOf(ctx.store.find(Noun::Container, owner)?),
                None => Test::Network(value.to_owned()),
            },
            "pod" => Test::Pod(pod(ctx, value)?),
            "restart-policy" => match value {
                "no" | "none" => Test::RestartPolicy(String::new()),
                "always" | "on-failure" | "unless-stopped" => Test::RestartPolicy(value.to_owned()),
                _ => bail!("{value} invalid restart policy"),
            },
            "should-start-on-boot" => Test::StartsOnBoot(truth(value, || {
                format!("strconv.ParseBool: parsing {value:?}: invalid syntax")
            })?),
            "status" => match value {
                "stopped" => Test::Status("exited".to_owned()),
                "created" | "running" | "exited" | "paused" | "initialized" | "unknown"
                | "removing" | "stopping" => Test::Status(value.to_owned()),
                _ => bail!("unknown container state: {value}: invalid argument"),
            },
            "volume" => match value.split_once(':') {
                Some((source, destination)) => {
                    Test::Volume(source.to_owned(), Some(destination.to_owned()))
                }
                None => Test::Volume(value.to_owned(), None),
            },
            _ => bail!("{key} is an invalid filter"),
        };
        Ok(Filter {
            key: key.to_owned(),
            test,
        })
    }

    /// Filters on states ask for containers that do not run, too.
    pub fn is_about_state(&self) -> bool {
        matches!(self.test, Test::Status(_) | Test::Exited(_))
    }

    pub fn all_take(
        filters: &[Filter],
        ctx: &Context,
        container: &Container,
        status: &Status,
    ) -> bool {
        filters.iter().all(|filter| match filter.test {
            Test::Label { .. } => filter.takes(ctx, container, status),
            _ => filters
                .iter()
                .any(|other| other.key == filter.key && other.takes(ctx, container, status)),
        })
    }

    fn takes(&self, ctx: &Context, container: &Container, status: &Status) -> bool {
        match &self.test {
            Test::Ancestor { id, part, name } => {
                id.as_ref() == Some(&container.image.id)
                    || container.image.id.contains(part)
                    || name.is_match(&container.image.name)
                    || container
                        .image
                        .name
                        .strip_suffix(":latest")
                        .is_some_and(|short| name.is_match(short))
            }
            Test::Before(time) => made(container).is_some_and(|made| made < *time),
            Test::Since(time) => made(container).is_some_and(|made| made > *time),
            Test::Command(regex) => container
                .process
                .args()
                .first()
                .is_some_and(|word| regex.is_match(word)),
            Test::Exited(code) => matches!(status, Status::Exited(ended) if ended.code == *code),
            Test::Health(wanted) => {
                super::health::status(ctx, container).is_some_and(|health| health == *wanted)
            }
            Test::IdPrefix(prefix) => container.id.starts_with(prefix.as_str()),
            Test::IdPattern(regex) => regex.is_match(&container.id),
            Test::Label { wanted, key, value } => {
                let found = container.labels.get(key);
                let has =
                    found.is_some_and(|found| value.as_ref().is_none_or(|value| value == found));
                has == *wanted
            }
            Test::Name(regex) => regex.is_match(&container.name),
            Test::Network(name) => container.network.names.contains(name),
            Test::NetworkOf(owner) => {
                container.namespaces.net == Namespace::Container(owner.clone())
            }
            Test::Pod(pod) => container.pod.as_ref() == Some(pod),
            Test::RestartPolicy(policy) => container.restart.policy == *policy,
            Test::StartsOnBoot(wanted) => {
                let starts = match container.restart.policy.as_str() {
                    _ if matches!(status, Status::Created | Status::Initialized(_)) => false,
                    "always" => true,
                    "unless-stopped" => !super::restart::was_stopped_by_person(ctx, &container.id),
                    _ => false,
                };
                starts == *wanted
            }
            Test::Status(word) => status.word() == word,
            Test::Volume(source, Some(destination)) => container
                .mounts
                .iter()
                .any(|mount| is_source(mount, source) && mount.destination == *destination),
            Test::Volume(either, None) => container
                .mounts
                .iter()
                .any(|mount| mount.destination == *either || is_source(mount, either)),
        }
    }
}

fn made(container: &Container) -> Option<Timestamp> {
    container.created.parse().ok()
}

fn created(ctx: &Context, text: &str) -> Result<Timestamp> {
    Ok(super::find(ctx, text)?.created.parse()?)
}

/// A pod that is not there has no containers.
fn pod(ctx: &Context, text: &str) -> Result<String> {
    match ctx.store.find(Noun::Pod, text) {
        Err(error) if error.is::<lookup::LookupError>() => Ok(text.to_owned()),
        found => found,
    }
}

/// A directory of the host, or a volume by its name.
fn is_source(mount: &Mount, text: &str) -> bool {
    mount.source == text || mount.volume.as_deref() == Some(text)
}
