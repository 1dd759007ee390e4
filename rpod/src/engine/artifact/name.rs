//! How an artifact is named: in full, with a registry, by a tag or a digest.

use anyhow::{Result, bail};

use crate::engine::image::Name;

/// The name with its tag, `latest` if it has none.
pub(super) fn parse(text: &str) -> Result<Name> {
    let name = Name::parse(text)?;
    if name.tag.is_some() && name.digest.is_some() {
        bail!("{text}: reference cannot be tagged and digested");
    }
    let full = name.normalized();
    if name.is_short() || full.repository != name.repository {
        bail!("{text}: repository name must be canonical: begin it with its registry");
    }
    Ok(full)
}

/// Whether the stored artifact is the one that is named.
pub(super) fn is(wanted: &Name, stored: &str, digest: &str) -> bool {
    match &wanted.digest {
        Some(by_digest) => {
            by_digest == digest
                && Name::parse(stored).is_ok_and(|stored| stored.repository == wanted.repository)
        }
        None => wanted.to_string() == stored,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_full() {
        assert_eq!(
            parse("quay.io/a/b").unwrap().to_string(),
            "quay.io/a/b:latest"
        );
        let digest = format!("sha256:{}", "a".repeat(64));
        for bad in [
            "alpine",
            "a/b",
            "docker.io/alpine",
            "Q/b",
            &format!("q.io/a:1@{digest}"),
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        let by_digest = parse(&format!("q.io/a@{digest}")).unwrap();
        assert!(is(&by_digest, "q.io/a:1", &digest));
        assert!(!is(&by_digest, "q.io/b:1", &digest));
        assert!(!is(&by_digest, "q.io/a:1", "sha256:b"));
        assert!(is(&parse("q.io/a").unwrap(), "q.io/a:latest", &digest));
    }
}
