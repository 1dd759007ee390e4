//! Where a `Location` leads.

use anyhow::{Result, bail};

/// The URL that `location` means in an answer of `from`.
///
/// # Errors
/// It leaves HTTPS, or is no web address.
pub fn resolve(from: &str, location: &str) -> Result<String> {
    let (scheme, rest) = from.split_once("://").unwrap_or(("https", from));
    let to = if location.contains("://") && !location.starts_with('/') {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        format!("{scheme}://{host}{location}")
    } else {
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        let directory = path.rfind('/').map_or(path, |slash| &path[..slash]);
        format!("{scheme}://{directory}/{location}")
    };
    if from.starts_with("https://") && !to.starts_with("https://") {
        bail!("refusing to go from {from} to {to}: it leaves HTTPS");
    }
    if !to.starts_with("https://") && !to.starts_with("http://") {
        bail!("refusing to go from {from} to {to}: it is no web address");
    }
    Ok(to)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn of_every_kind() {
        let from = "https://a.io:5000/v2/x/blobs/uploads/?y=1";
        for (location, to) in [
            ("https://b.io/z", "https://b.io/z"),
            ("/z?u=https://b.io", "https://a.io:5000/z?u=https://b.io"),
            ("//b.io/z", "https://b.io/z"),
            ("z", "https://a.io:5000/v2/x/blobs/uploads/z"),
        ] {
            assert_eq!(resolve(from, location).unwrap(), to);
        }
        for location in ["http://a.io:5000/z", "file:///etc/passwd", "ftp://a.io/"] {
            assert!(resolve(from, location).is_err(), "{location}");
        }
        assert!(resolve("http://a.io/x", "file:///etc/passwd").is_err());
    }

    proptest! {
        #[test]
        fn https_is_never_left(location in ".{0,60}") {
            if let Ok(to) = resolve("https://a.io/v2/", &location) {
                prop_assert!(to.starts_with("https://"));
            }
        }
    }
}
