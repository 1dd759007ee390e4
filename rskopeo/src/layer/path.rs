//! Names inside a layer: bytes, slash-separated, relative to the root of the tree.

use super::error::{LayerError, Result};

/// A name without `.`, `..`, empty components, and leading or trailing slashes; empty for the root itself.
///
/// # Errors
/// The name has a NUL byte or climbs above the root.
pub(super) fn clean(name: &[u8]) -> Result<Vec<u8>> {
    if name.contains(&0) {
        return Err(LayerError::refused(name, "its name has a NUL byte"));
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    for component in components(name) {
        if component != b".." {
            kept.push(component);
        } else if kept.pop().is_none() {
            return Err(LayerError::refused(name, "its name leads out of the root"));
        }
    }
    Ok(kept.join(&b'/'))
}

/// The components of `name`, without empty ones and `.`.
pub(super) fn components(name: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    name.split(|byte| *byte == b'/')
        .filter(|component| !component.is_empty() && *component != b".")
}

/// Splits a clean name into parent and last component.
pub(super) fn split(clean: &[u8]) -> (&[u8], &[u8]) {
    match clean.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&clean[..slash], &clean[slash + 1..]),
        None => (b"", clean),
    }
}

pub(super) fn join(parent: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(parent.len() + 1 + name.len());
    path.extend_from_slice(parent);
    if !parent.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// A name for messages.
pub(super) fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cleans_what_stays_inside() {
        for (name, expected) in [
            ("./", ""),
            ("/", ""),
            ("/etc/passwd", "etc/passwd"),
            ("./usr//bin/", "usr/bin"),
            ("a/../b", "b"),
        ] {
            assert_eq!(clean(name.as_bytes()).unwrap(), expected.as_bytes());
        }
    }

    #[test]
    fn refuses_what_climbs_out() {
        for name in ["..", "../x", "a/../../x", "/../x", "x\0y"] {
            assert!(clean(name.as_bytes()).is_err(), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn a_clean_name_has_only_plain_components(name in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(clean) = clean(&name) {
                for component in clean.split(|byte| *byte == b'/').filter(|_| !clean.is_empty()) {
                    prop_assert!(!matches!(component, b"" | b"." | b".."));
                }
            }
        }
    }
}
