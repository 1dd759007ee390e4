//! Repository names and their normal form (the reference grammar of the distribution project).

use std::fmt;
use std::str::FromStr;

use crate::digest::Digest;

/// A normalized repository name with its tag or digest: `docker.io/library/alpine:latest`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// `docker.io`, `localhost`, `127.0.0.1:5000`
    pub domain: String,
    /// `library/alpine`
    pub path: String,
    pub tag: Option<String>,
    pub digest: Option<Digest>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    #[error("invalid reference format")]
    Format,
    #[error("invalid reference format: repository name must be lowercase")]
    Uppercase,
    #[error("invalid repository name ({0}), cannot specify 64-byte hexadecimal strings")]
    Identifier(String),
    #[error("repository name must not be more than 255 characters")]
    TooLong,
    #[error("unsupported digest algorithm")]
    DigestAlgorithm,
    #[error("invalid checksum digest length")]
    DigestLength,
}

impl Name {
    /// `docker.io/library/alpine`
    pub fn repository(&self) -> String {
        format!("{}/{}", self.domain, self.path)
    }

    /// True for another name of the same repository, whatever its tag or digest.
    pub fn shares_repository(&self, other: &str) -> bool {
        other
            .parse::<Self>()
            .is_ok_and(|other| other.domain == self.domain && other.path == self.path)
    }

    /// The name with tag `latest` if it has neither tag nor digest.
    pub fn or_latest(mut self) -> Self {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some("latest".to_owned());
        }
        self
    }

    /// The short form that people write: `alpine:latest`.
    pub fn familiar(&self) -> String {
        let full = self.to_string();
        match full.strip_prefix("docker.io/") {
            Some(rest) => match rest.strip_prefix("library/") {
                Some(official) if !official.contains('/') => official.to_owned(),
                _ => rest.to_owned(),
            },
            None => full,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.domain, self.path)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    /// Parses and normalizes: `alpine` is `docker.io/library/alpine`. No tag is added.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.len() == 64 && text.bytes().all(is_lower_hex) {
            return Err(InvalidName::Identifier(text.to_owned()));
        }
        let (domain, remainder) = split_domain(text);
        if remainder
            .split(':')
            .next()
            .unwrap_or_default()
            .chars()
            .any(char::is_uppercase)
        {
            return Err(InvalidName::Uppercase);
        }
        let (remainder, digest) = match remainder.split_once('@') {
            Some((remainder, digest)) => (remainder, Some(parse_digest(digest)?)),
            None => (remainder, None),
        };
        let (path, tag) = match remainder.split_once(':') {
            Some((path, tag)) if is_tag(tag) => (path, Some(tag.to_owned())),
            Some(_) => return Err(InvalidName::Format),
            None => (remainder, None),
        };
        let official = domain == "docker.io" && !path.contains('/');
        let path = if official {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        if !is_domain(domain) || !path.split('/').all(is_component) {
            return Err(InvalidName::Format);
        }
        if domain.len() + 1 + path.len() > 255 {
            return Err(InvalidName::TooLong);
        }
        Ok(Self {
            domain: domain.to_owned(),
            path,
            tag,
            digest,
        })
    }
}

/// What stands before the first slash is a domain if it looks like one.
fn split_domain(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        Some(("index.docker.io", rest)) => ("docker.io", rest),
        Some((domain, rest)) if domain.contains(['.', ':']) || domain == "localhost" => {
            (domain, rest)
        }
        _ => ("docker.io", text),
    }
}

fn parse_digest(text: &str) -> Result<Digest, InvalidName> {
    let (algorithm, hex) = text.split_once(':').ok_or(InvalidName::Format)?;
    let algorithm_ok = algorithm.split(['-', '_', '+', '.']).all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    if !algorithm_ok || hex.len() < 32 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(InvalidName::Format);
    }
    text.parse().map_err(|error| match error {
        crate::digest::InvalidDigest::Algorithm => InvalidName::DigestAlgorithm,
        crate::digest::InvalidDigest::Length => InvalidName::DigestLength,
        crate::digest::InvalidDigest::Format => InvalidName::Format,
    })
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = if domain.starts_with('[') {
        match domain.split_once(']') {
            Some((host, "")) => (&host[1..], None),
            Some((host, port)) => match port.strip_prefix(':') {
                Some(port) => (&host[1..], Some(port)),
                None => return false,
            },
            None => return false,
        }
    } else {
        match domain.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (domain, None),
        }
    };
    let host_ok = if domain.starts_with('[') {
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
    } else {
        host.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
    };
    host_ok && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// Lower-case letters and digits, with single `.`, one or two `_`, or any number of `-` between them.
fn is_component(component: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    component.starts_with(alphanumeric)
        && component.ends_with(alphanumeric)
        && component.split(alphanumeric).all(|separator| {
            matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-')
        })
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn full(text: &str) -> String {
        text.parse::<Name>().unwrap().or_latest().to_string()
    }

    #[test]
    fn normalizes() {
        assert_eq!(full("alpine"), "docker.io/library/alpine:latest");
        assert_eq!(full("a/b:v1"), "docker.io/a/b:v1");
        assert_eq!(
            full("index.docker.io/alpine"),
            "docker.io/library/alpine:latest"
        );
        assert_eq!(full("localhost/foo"), "localhost/foo:latest");
        assert_eq!(
            full("127.0.0.1:5000/alpine"),
            "127.0.0.1:5000/alpine:latest"
        );
        assert_eq!(full("[::1]:5000/a"), "[::1]:5000/a:latest");
        assert_eq!(
            "docker.io/library/alpine:3"
                .parse::<Name>()
                .unwrap()
                .familiar(),
            "alpine:3"
        );
    }

    #[test]
    fn refuses() {
        for text in [
            "",
            ":",
            "a//b",
            "a/",
            "/a",
            "-a",
            "a..b",
            "a___b",
            "a:",
            "a:b:c",
            "a@sha256:12",
            "a b",
            "x.y:port/a",
            "../a",
            "a/../b",
        ] {
            assert!(text.parse::<Name>().is_err(), "{text}");
        }
        assert_eq!("a".repeat(256).parse::<Name>(), Err(InvalidName::TooLong));
        assert!(matches!(
            "a".repeat(64).parse::<Name>(),
            Err(InvalidName::Identifier(_))
        ));
    }

    proptest! {
        #[test]
        fn normal_form_is_stable(text in "[a-z0-9._:/@-]{1,40}") {
            if let Ok(name) = text.parse::<Name>() {
                prop_assert_eq!(name.to_string().parse::<Name>().unwrap(), name);
            }
        }
    }
}
