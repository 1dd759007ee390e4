//! `--filter KEY=VALUE`. Of one key any value may hold, but one of every key has to (of labels every one).

use anyhow::{Context as _, Result, bail};
use regex::Regex;

use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::container::status::Status;
use crate::engine::image;
use crate::store::{Noun, names};

#[derive(Debug)]
pub(super) struct Filter {
    key: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Ancestor(String),
    Exited(i32),
    Id(String),
    Label(String, Option<String>),
    Name(Regex),
    Pod(String),
    Status(String),
}

impl Filter {
    pub(super) fn parse(ctx: &Context, text: &str) -> Result<Filter> {
        let (key, value) = text
            .split_once('=')
            .with_context(|| format!("invalid filter {text:?}"))?;
        let test = match key {
            "ancestor" => Test::Ancestor(
                image::find(ctx, value).map_or_else(|_| value.to_owned(), |image| image.id),
            ),
            "exited" => Test::Exited(
                value
                    .parse()
                    .with_context(|| format!("filter exited: {value:?} is no exit code"))?,
            ),
            "id" => Test::Id(value.to_owned()),
            "label" => match value.split_once('=') {
                Some((label, wanted)) => Test::Label(label.to_owned(), Some(wanted.to_owned())),
                None => Test::Label(value.to_owned(), None),
            },
            "name" => {
                Test::Name(Regex::new(value).with_context(|| format!("filter name={value}"))?)
            }
            "pod" => Test::Pod(pod(ctx, value)?),
            "status" => match value {
                "created" | "running" | "exited" => Test::Status(value.to_owned()),
                "stopped" => Test::Status("exited".to_owned()),
                "paused" | "initialized" | "unknown" | "removing" | "stopping" | "configured" => {
                    Test::Status(value.to_owned())
                }
                _ => bail!("{value} is not a valid status: invalid argument"),
            },
            _ => bail!("{key} is an invalid filter: invalid argument"),
        };
        Ok(Filter {
            key: key.to_owned(),
            test,
        })
    }

    /// Filters on states ask for containers that do not run, too.
    pub(super) fn is_about_state(&self) -> bool {
        matches!(self.test, Test::Status(_) | Test::Exited(_))
    }

    pub(super) fn all_take(filters: &[Filter], container: &Container, status: &Status) -> bool {
        filters.iter().all(|filter| match filter.test {
            Test::Label(..) => filter.takes(container, status),
            _ => filters
                .iter()
                .any(|other| other.key == filter.key && other.takes(container, status)),
        })
    }

    fn takes(&self, container: &Container, status: &Status) -> bool {
        match &self.test {
            Test::Ancestor(image) => container.image.id == *image || container.image.name == *image,
            Test::Exited(code) => matches!(status, Status::Exited(ended) if ended.code == *code),
            Test::Id(prefix) => container.id.starts_with(prefix.as_str()),
            Test::Label(label, wanted) => container
                .labels
                .get(label)
                .is_some_and(|value| wanted.as_ref().is_none_or(|wanted| wanted == value)),
            Test::Name(regex) => regex.is_match(&container.name),
            Test::Pod(pod) => container.pod.as_ref() == Some(pod),
            Test::Status(word) => status.word() == word,
        }
    }
}

/// A pod that is not there has no containers.
fn pod(ctx: &Context, text: &str) -> Result<String> {
    match ctx.store.find(Noun::Pod, text) {
        Err(error) if error.is::<names::LookupError>() => Ok(text.to_owned()),
        found => found,
    }
}
