//! Values between commas, as Go's encoding/csv reads them (RFC 4180): one in quotes may have commas, and `""` in it is a quote.

use anyhow::{Result, bail};

/// The values of one line.
pub(super) fn values(text: &str) -> Result<Vec<String>> {
    let mut all = Vec::new();
    let mut rest = text;
    loop {
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => in_quotes(text, quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let value = &rest[..end];
                if value.contains('"') {
                    bail!(
                        "{text:?}: bare \" in non-quoted field: write \"VALUE\" around the whole"
                    );
                }
                (value.to_owned(), &rest[end..])
            }
        };
        all.push(value);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok(all),
        }
    }
}

/// What stands before the closing quote, and what comes after it: nothing or a comma.
fn in_quotes<'a>(text: &str, mut rest: &'a str) -> Result<(String, &'a str)> {
    let mut value = String::new();
    while let Some((part, after)) = rest.split_once('"') {
        value.push_str(part);
        if let Some(more) = after.strip_prefix('"') {
            value.push('"');
            rest = more;
        } else if after.is_empty() || after.starts_with(',') {
            return Ok((value, after));
        } else {
            break;
        }
    }
    bail!("{text:?}: extraneous or missing \" in quoted-field")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes() {
        for (text, expected) in [
            ("a,b", vec!["a", "b"]),
            ("", vec![""]),
            ("\"a,b\",c", vec!["a,b", "c"]),
            ("\"a\"\"b\"", vec!["a\"b"]),
            ("\"\",", vec!["", ""]),
        ] {
            assert_eq!(values(text).unwrap(), expected, "{text}");
        }
        for bad in ["\"a", "\"a\"b", "a\"b\"", "\"a\"\""] {
            assert!(values(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(all in prop::collection::vec("[a,\" ]{0,5}", 1..5)) {
            let quoted: Vec<String> = all.iter().map(|one| format!("\"{}\"", one.replace('"', "\"\""))).collect();
            prop_assert_eq!(values(&quoted.join(",")).unwrap(), all);
        }
    }
}
