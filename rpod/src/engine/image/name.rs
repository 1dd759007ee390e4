//! How an image is named: `[registry/]path[:tag][@digest]`.

use std::fmt;

use anyhow::{Result, bail};

/// A reference, cut into its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Registry and path; the path alone for a short name.
    pub repository: String,
    pub tag: Option<String>,
    /// `sha256:…`
    pub digest: Option<String>,
}

impl Name {
    /// Read a reference as typed; a tag is not added.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = || {
            let why = why_none(text);
            bail!(
                "{why}: {text:?} is not an image name: want [REGISTRY/]PATH[:TAG][@sha256:DIGEST]"
            )
        };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) if is_digest(digest) => (rest, Some(digest.to_owned())),
            Some(_) => return invalid(),
            None => (text, None),
        };
        let (repository, tag) = match rest.rsplit_once(':') {
            // A colon before a slash belongs to the registry's port.
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag.to_owned())),
            _ => (rest, None),
        };
        let name = Self {
            repository: repository.to_owned(),
            tag,
            digest,
        };
        if !name.tag.as_deref().is_none_or(is_tag) || !name.path().split('/').all(is_component) {
            return invalid();
        }
        if name
            .registry()
            .is_some_and(|registry| !is_registry(registry))
        {
            return invalid();
        }
        Ok(name)
    }

    /// The registry, unless the name is short: a first component with a dot or a port, or `localhost`.
    pub fn registry(&self) -> Option<&str> {
        let (first, _) = self.repository.split_once('/')?;
        (first.contains(['.', ':']) || first == "localhost").then_some(first)
    }

    pub fn is_short(&self) -> bool {
        self.registry().is_none()
    }

    /// The part after the registry.
    pub fn path(&self) -> &str {
        match self.registry() {
            Some(registry) => &self.repository[registry.len() + 1..],
            None => &self.repository,
        }
    }

    /// The same image in a registry; Docker Hub's official images live under `library/`.
    pub fn at(&self, registry: &str) -> Self {
        let library = registry == "docker.io" && !self.repository.contains('/');
        let repository = format!(
            "{registry}/{}{}",
            if library { "library/" } else { "" },
            self.repository
        );
        Self {
            repository,
            ..self.clone()
        }
    }

    /// With `latest` where there is neither tag nor digest, and Docker Hub's names in full.
    pub fn normalized(&self) -> Self {
        let mut name = self.clone();
        if name.registry() == Some("docker.io") && !name.path().contains('/') {
            name.repository = format!("docker.io/library/{}", self.path());
        }
        if name.digest.is_some() {
            name.tag = None;
        } else if name.tag.is_none() {
            name.tag = Some("latest".to_owned());
        }
        name
    }
}

/// The full name that an image made here gets: without a registry it is `localhost`'s.
pub fn local_name(text: &str) -> Result<String> {
    let name = Name::parse(text)?;
    let name = if name.is_short() {
        name.at("localhost")
    } else {
        name
    };
    Ok(name.normalized().to_string())
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

/// What podman tells of a text that names no image.
fn why_none(text: &str) -> &'static str {
    let with_lower_case = || Name::parse(&text.to_ascii_lowercase());
    match text {
        "" => "repository name must have at least one component",
        _ if text.bytes().any(|b| b.is_ascii_uppercase()) && with_lower_case().is_ok() => {
            "repository name must be lowercase"
        }
        _ => "invalid reference format",
    }
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(crate::store::id::is_whole)
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag
            .bytes()
            .all(|byte| word(byte) || byte == b'.' || byte == b'-')
}

/// Lower-case letters and digits, parted by `.`, `_`, `__` or dashes.
fn is_component(text: &str) -> bool {
    let end = |byte: Option<u8>| {
        byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    end(text.bytes().next())
        && end(text.bytes().last())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
        && !text.contains("..")
}

/// A host, perhaps with a port; an IPv6 address stands in brackets.
fn is_registry(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
        && text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']')
        })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn normal(text: &str) -> String {
        Name::parse(text).unwrap().normalized().to_string()
    }

    #[test]
    fn reads_names() {
        assert_eq!(
            normal("127.0.0.1:5000/alpine"),
            "127.0.0.1:5000/alpine:latest"
        );
        assert_eq!(normal("docker.io/alpine:3"), "docker.io/library/alpine:3");
        assert_eq!(normal("localhost/a/b"), "localhost/a/b:latest");
        let digest = format!("a@sha256:{}", "0".repeat(64));
        assert_eq!(normal(&digest), digest);
        assert!(Name::parse("alpine:3").unwrap().is_short());
        assert_eq!(
            Name::parse("alpine").unwrap().at("docker.io").to_string(),
            "docker.io/library/alpine"
        );
        assert_eq!(
            Name::parse("a/b:1").unwrap().at("quay.io").to_string(),
            "quay.io/a/b:1"
        );
    }

    #[test]
    fn refuses_what_is_no_name() {
        for text in [
            "",
            "Alpine",
            "a b",
            "a:",
            "a:-x",
            "a@sha256:1",
            "/a",
            "a/",
            "../a",
            "a//b",
            "-a",
        ] {
            assert!(Name::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_again(text in "\\PC{0,30}|[a-z0-9.:/@-]{0,40}") {
            if let Ok(name) = Name::parse(&text) {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
