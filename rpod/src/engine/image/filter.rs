//! `podman images --filter`: podman-images(1).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

use super::list::{self, List};
use super::{Image, ImageConfig, Name};
use crate::engine::Context;
use crate::engine::filter::{has_label, until};
use crate::output::parse_bool;
use crate::store::Store;

/// What filters look at: an image or a list of images.
#[derive(Debug)]
pub struct Subject<'a> {
    id: &'a str,
    names: &'a [String],
    digests: Vec<&'a str>,
    created: Timestamp,
    labels: Option<&'a BTreeMap<String, String>>,
    is_list: bool,
    store: Option<&'a Store>,
}

impl<'a> From<&'a Image> for Subject<'a> {
    fn from(image: &'a Image) -> Subject<'a> {
        let config = image.config.config.as_ref();
        Subject {
            id: &image.id,
            names: &image.names,
            digests: std::iter::once(&image.digest)
                .chain(&image.index_digest)
                .map(String::as_str)
                .collect(),
            created: image.created(),
            labels: config.and_then(|config| config.labels.as_ref()),
            is_list: false,
            store: Some(&image.store),
        }
    }
}

impl<'a> Subject<'a> {
    pub fn list(context: &Context, list: &'a List) -> Subject<'a> {
        Subject {
            id: &list.id,
            names: &list.names,
            digests: vec![&list.digest],
            created: list.changed(&context.store),
            labels: None,
            is_list: true,
            store: None,
        }
    }
}

/// All of them have to hold, but of the references that are wanted only one.
#[derive(Debug, Default)]
pub struct Filters {
    tests: Vec<(Test, bool)>,
    wanted: Vec<regex::Regex>,
    unwanted: Vec<regex::Regex>,
    /// Of the wanted ones those that are a registry's, with a tag or a digest.
    whole_names: Vec<Name>,
}

#[derive(Debug)]
enum Test {
    Id(String),
    Digest(String),
    Before(Timestamp),
    Since(Timestamp),
    Label(String),
    /// By ids: those that are dangling, or intermediate.
    Among(BTreeSet<String>),
    Containers,
    Manifest,
    ReadOnly,
}

impl Filters {
    /// Each `KEY=VALUE` or `KEY!=VALUE`.
    pub fn parse(context: &Context, texts: &[String]) -> Result<Filters> {
        let mut filters = Filters::default();
        let mut truths: BTreeMap<&str, &str> = BTreeMap::new();
        for text in texts {
            let (key, value) = text.split_once('=').with_context(|| unknown(text))?;
            let (key, negated) = match key.strip_suffix('!') {
                Some(key) => (key, true),
                None => (key, false),
            };
            if let "containers" | "dangling" | "intermediate" | "manifest" | "readonly" = key
                && truths
                    .insert(key, value)
                    .is_some_and(|other| other != value)
            {
                bail!(
                    "specifying {key:?} filter more than once with different values is not supported"
                );
            }
            if key == "reference" {
                let name = Name::parse(value).ok().filter(|_| !negated);
                let is_whole =
                    |name: &Name| !name.is_short() && (name.tag.is_some() || name.digest.is_some());
                filters.whole_names.extend(name.filter(is_whole));
                let list = match negated {
                    true => &mut filters.unwanted,
                    false => &mut filters.wanted,
                };
                list.push(pattern(value)?);
                continue;
            }
            let (test, wanted) = Test::parse(context, key, value)?;
            filters.tests.push((test, wanted != negated));
        }
        Ok(filters)
    }

    /// Whether a name of an image that is taken is one that was asked for: all are, unless one was told with its registry and tag.
    pub fn asks_for(&self, name: &str) -> bool {
        match (
            &self.whole_names[..],
            self.wanted.len(),
            self.unwanted.len(),
        ) {
            ([only], 1, 0) => Name::parse(name).is_ok_and(|name| match &only.digest {
                None => name.to_string() == only.to_string(),
                Some(_) => name.repository == only.repository,
            }),
            _ => true,
        }
    }

    pub fn takes(&self, context: &Context, subject: &Subject) -> Result<bool> {
        let named =
            |pattern: &regex::Regex| subject.names.iter().any(|name| pattern.is_match(name));
        if self.unwanted.iter().any(named)
            || !self.wanted.is_empty() && !self.wanted.iter().any(named)
        {
            return Ok(false);
        }
        for (test, wanted) in &self.tests {
            if test.holds(context, subject)? != *wanted {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn unknown(filter: &str) -> String {
    format!(
        "invalid image filter {filter:?}: must be in the format \"filter=value or filter!=value\""
    )
}

impl Test {
    /// The test, and whether it has to hold.
    fn parse(context: &Context, key: &str, value: &str) -> Result<(Test, bool)> {
        let truth = || {
            parse_bool(value).with_context(|| {
                format!(
                    "non-boolean value {value:?} for {key} filter: strconv.ParseBool: parsing {value:?}: invalid syntax"
                )
            })
        };
        let created = || {
            let image = super::find(context, value).with_context(|| {
                format!("could not find local image for filter {key:?}={value:?}")
            })?;
            anyhow::Ok(image.created())
        };
        Ok(match key {
            "id" => (Test::Id(value.to_owned()), true),
            "digest" if value.starts_with("sha256:") => (Test::Digest(value.to_owned()), true),
            "digest" => bail!("invalid value {value:?} for digest filter"),
            "before" => (Test::Before(created()?), true),
            "since" | "after" => (Test::Since(created()?), true),
            "until" => (Test::Before(until(value)?), true),
            "label" => (Test::Label(value.to_owned()), true),
            "dangling" => (Test::Among(nameless(context, false)?), truth()?),
            "intermediate" => (Test::Among(nameless(context, true)?), truth()?),
            "manifest" => (Test::Manifest, truth()?),
            "readonly" => (Test::ReadOnly, truth()?),
            "containers" => match value {
                "true" => (Test::Containers, true),
                "false" => (Test::Containers, false),
                _ => bail!("unsupported value {value:?} for containers filter"),
            },
            _ => bail!(unknown(key)),
        })
    }

    fn holds(&self, context: &Context, subject: &Subject) -> Result<bool> {
        Ok(match self {
            Test::Id(id) => subject.id.starts_with(id.as_str()),
            Test::Digest(digest) => subject
                .digests
                .iter()
                .any(|own| own.starts_with(digest.as_str())),
            Test::Before(point) => subject.created < *point,
            Test::Since(point) => subject.created > *point,
            Test::Label(label) => subject
                .labels
                .is_some_and(|labels| has_label(labels, label)),
            Test::Among(ids) => ids.contains(subject.id),
            Test::Containers => !super::containers_of(context, subject.id)?.is_empty(),
            Test::Manifest => subject.is_list,
            Test::ReadOnly => subject.store.is_some_and(|store| *store != context.store),
        })
    }
}

/// The images without a name: those that others are made of, or those that are of no use, being neither that nor in a list.
fn nameless(context: &Context, intermediate: bool) -> Result<BTreeSet<String>> {
    let images = super::all(context)?;
    let lists = list::all(context)?;
    let is_below = |one: &ImageConfig, other: &ImageConfig| {
        let (one, other) = (&one.rootfs.diff_ids, &other.rootfs.diff_ids);
        one.len() < other.len() && other.starts_with(one)
    };
    let taken = images.iter().filter(|image| {
        let has_children = || {
            images
                .iter()
                .any(|other| is_below(&image.config, &other.config))
        };
        let is_listed = || lists.iter().any(|list| list.has(&image.digest));
        image.names.is_empty()
            && match intermediate {
                true => has_children(),
                false => !has_children() && !is_listed(),
            }
    });
    Ok(taken.map(|image| image.id.clone()).collect())
}

/// A shell pattern that matches a name whole or from a slash on, with any tag if it has none.
fn pattern(glob: &str) -> Result<regex::Regex> {
    let mut expression = String::from("(^|/)");
    for c in glob.chars() {
        match c {
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            c => expression.push_str(&regex::escape(&c.to_string())),
        }
    }
    let tagged = glob
        .rsplit('/')
        .next()
        .is_some_and(|last| last.contains([':', '@']));
    expression.push_str(if tagged { "$" } else { "([:@][^/]*)?$" });
    Ok(regex::Regex::new(&expression)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::pattern;

    #[test]
    fn references_match_as_patterns() {
        for (glob, name, expected) in [
            ("alpine", "docker.io/library/alpine:latest", true),
            ("alp*", "docker.io/library/alpine:latest", true),
            ("alpine:3", "docker.io/library/alpine:latest", false),
            ("*/alpine", "localhost/alpine:1", true),
            ("lpine", "localhost/alpine:1", false),
        ] {
            assert_eq!(
                pattern(glob).unwrap().is_match(name),
                expected,
                "{glob} {name}"
            );
        }
    }
}
