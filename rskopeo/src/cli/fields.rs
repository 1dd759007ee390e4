//! Values between commas, as Go's flags take them: a record of RFC 4180, where a value in quotes may have a comma in it.

use std::str::FromStr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields(pub Vec<String>);

impl FromStr for Fields {
    type Err = String;

    fn from_str(text: &str) -> Result<Fields, String> {
        let mut fields = Vec::new();
        let mut rest = text;
        loop {
            let (field, after) = match rest.strip_prefix('"') {
                Some(inside) => quoted(inside).ok_or("a quote is not closed")?,
                None => {
                    let end = rest.find(',').unwrap_or(rest.len());
                    (rest[..end].to_owned(), &rest[end..])
                }
            };
            fields.push(field);
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None if after.is_empty() => return Ok(Fields(fields)),
                None => {
                    return Err("something stands between a quote and the next comma".to_owned());
                }
            }
        }
    }
}

/// Up to the quote that closes; two of them are one that does not.
fn quoted(inside: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = inside;
    loop {
        let (part, after) = rest.split_once('"')?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return Some((field, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records() {
        let read = |text: &str| text.parse().map(|Fields(fields)| fields);
        let fields = |list: &[&str]| Ok(list.iter().map(|&field| field.to_owned()).collect());
        assert_eq!(read("jwe:a"), fields(&["jwe:a"]));
        assert_eq!(read("a,b"), fields(&["a", "b"]));
        assert_eq!(read(r#""a,b",c"#), fields(&["a,b", "c"]));
        assert_eq!(read(r#""say ""a""","#), fields(&[r#"say "a""#, ""]));
        assert!(read(r#""a"#).is_err() && read(r#""a"b"#).is_err());
    }
}
