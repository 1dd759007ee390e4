//! `--filter` of podman-images(1).

use anyhow::{Result, bail};
use jiff::Timestamp;

use super::Image;
use crate::engine::Context;
use crate::output;

/// One filter, resolved.
#[derive(Debug)]
pub enum Filter {
    Id(String),
    Before(Timestamp),
    Since(Timestamp),
    Dangling(bool),
    Label {
        wanted: bool,
        key: String,
        value: Option<String>,
    },
    Reference(regex::Regex),
    Containers(bool),
    ReadOnly(bool),
}

impl Filter {
    /// `key=value` or `key!=value`.
    pub fn parse(context: &Context, text: &str) -> Result<Self> {
        let Some((key, value)) = text.split_once('=') else {
            bail!(
                "invalid image filter {text:?}: must be in the format \"filter=value or filter!=value\""
            );
        };
        let truth = || match value {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => bail!("non-boolean value {value:?} for {key} filter"),
        };
        Ok(match key {
            "id" => Self::Id(value.to_owned()),
            "before" => Self::Before(super::find(context, value)?.created()),
            "since" | "after" => Self::Since(super::find(context, value)?.created()),
            "until" => match output::parse_point(value) {
                Some(time) => Self::Before(time),
                None => bail!("until filter: {value:?} is neither a time nor a duration"),
            },
            "dangling" => Self::Dangling(truth()?),
            "containers" => Self::Containers(truth()?),
            "readonly" => Self::ReadOnly(truth()?),
            "reference" => Self::Reference(pattern(value)?),
            "label" | "label!" => {
                let (label, wanted_value) = match value.split_once('=') {
                    Some((label, value)) => (label, Some(value.to_owned())),
                    None => (value, None),
                };
                Self::Label {
                    wanted: key == "label",
                    key: label.to_owned(),
                    value: wanted_value,
                }
            }
            _ => bail!("unsupported image filter {key:?}"),
        })
    }

    pub fn takes(&self, context: &Context, image: &Image) -> Result<bool> {
        Ok(match self {
            Self::Id(id) => image.id.starts_with(id.as_str()),
            Self::Before(time) => image.created() < *time,
            Self::Since(time) => image.created() > *time,
            Self::Dangling(wanted) => image.names.is_empty() == *wanted,
            Self::Containers(wanted) => {
                super::containers_of(context, &image.id)?.is_empty() != *wanted
            }
            Self::ReadOnly(wanted) => !wanted,
            Self::Reference(pattern) => image.names.iter().any(|name| pattern.is_match(name)),
            Self::Label { wanted, key, value } => {
                let labels = image
                    .config
                    .config
                    .as_ref()
                    .and_then(|config| config.labels.as_ref());
                let found = labels.and_then(|labels| labels.get(key));
                let has =
                    found.is_some_and(|found| value.as_ref().is_none_or(|value| value == found));
                has == *wanted
            }
        })
    }
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
