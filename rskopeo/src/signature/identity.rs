//! Whether the name that a signature gives an image is one that the policy accepts (containers-policy.json(5) `signedIdentity`).

use crate::config::IdentityMatch;
use crate::reference::Name;

/// `image` is the name that the image was asked for by; transports without names have none.
pub fn is_accepted(asked: &IdentityMatch, image: Option<&Name>, signed: &str) -> bool {
    let Ok(signed) = signed.parse::<Name>() else {
        return false;
    };
    match (asked, image) {
        (IdentityMatch::MatchExact {}, Some(image)) => is_same(image, &signed),
        (IdentityMatch::MatchRepoDigestOrExact {}, Some(image)) => {
            is_same_or_by_digest(image, &signed)
        }
        (IdentityMatch::MatchRepository {}, Some(image)) => {
            image.repository() == signed.repository()
        }
        (IdentityMatch::ExactReference { docker_reference }, _) => docker_reference
            .parse()
            .is_ok_and(|expected| is_same(&expected, &signed)),
        (IdentityMatch::ExactRepository { docker_repository }, _) => docker_repository
            .parse::<Name>()
            .is_ok_and(|expected| expected.repository() == signed.repository()),
        (
            IdentityMatch::RemapIdentity {
                prefix,
                signed_prefix,
            },
            Some(image),
        ) => remapped(image, prefix, signed_prefix)
            .is_some_and(|image| is_same_or_by_digest(&image, &signed)),
        (_, None) => false,
    }
}

/// No tag is added: a name alone is never exact.
fn is_same(image: &Name, signed: &Name) -> bool {
    is_exact(image) && is_exact(signed) && image == signed
}

fn is_exact(name: &Name) -> bool {
    name.tag.is_some() || name.digest.is_some()
}

/// An image that was asked for by its digest is known to be the one; any name in its repository will do.
fn is_same_or_by_digest(image: &Name, signed: &Name) -> bool {
    match (&image.tag, &image.digest) {
        (None, Some(_)) => is_exact(signed) && image.repository() == signed.repository(),
        _ => is_same(image, signed),
    }
}

/// The name with the prefix replaced; the name itself if it is not below the prefix.
fn remapped(image: &Name, prefix: &str, signed_prefix: &str) -> Option<Name> {
    let repository = image.repository();
    let Some(rest) = repository.strip_prefix(prefix) else {
        return Some(image.clone());
    };
    if !rest.is_empty() && !rest.starts_with('/') {
        return Some(image.clone());
    }
    let mut name: Name = format!("{signed_prefix}{rest}").parse().ok()?;
    name.tag.clone_from(&image.tag);
    name.digest.clone_from(&image.digest);
    Some(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn accepts(asked: &str, image: &str, signed: &str) -> bool {
        let asked: IdentityMatch = serde_json::from_str(asked).unwrap();
        is_accepted(&asked, image.parse().ok().as_ref(), signed)
    }

    #[test]
    fn as_the_man_page_says() {
        let digest = format!("a.io/b@sha256:{}", "0".repeat(64));
        let exact = r#"{"type":"matchExact"}"#;
        assert!(accepts(exact, "a.io/b:1", "a.io/b:1"));
        assert!(!accepts(exact, "a.io/b:1", "a.io/b:2"));
        assert!(!accepts(exact, "a.io/b:1", "a.io/b"));
        assert!(!accepts(exact, &digest, "a.io/b:1"));
        let by_digest = r#"{"type":"matchRepoDigestOrExact"}"#;
        assert!(accepts(by_digest, &digest, "a.io/b:1"));
        assert!(!accepts(by_digest, &digest, "a.io/c:1"));
        assert!(!accepts(by_digest, "a.io/b:1", "a.io/b:2"));
        assert!(accepts(
            r#"{"type":"matchRepository"}"#,
            "a.io/b:1",
            "a.io/b:2"
        ));
        let reference = r#"{"type":"exactReference","dockerReference":"c.io/d:e"}"#;
        assert!(accepts(reference, "", "c.io/d:e"));
        assert!(!accepts(reference, "c.io/d:f", "c.io/d:f"));
        let repository = r#"{"type":"exactRepository","dockerRepository":"c.io/d"}"#;
        assert!(accepts(repository, "", "c.io/d:e"));
        assert!(!accepts(repository, "", "c.io/dd:e"));
        assert!(!accepts(exact, "", "a.io/b:1"), "an image without a name");
    }

    #[test]
    fn a_mirror_is_remapped_by_whole_components() {
        let remap =
            r#"{"type":"remapIdentity","prefix":"m:5000/v","signedPrefix":"v.example.com"}"#;
        assert!(accepts(remap, "m:5000/v/a/b:1", "v.example.com/a/b:1"));
        assert!(!accepts(remap, "m:5000/v/a/b:1", "m:5000/v/a/b:1"));
        assert!(accepts(remap, "m:5000/vv/a:1", "m:5000/vv/a:1"));
    }
}
