//! `Mount=`: a line of comma-separated values, whose source may be another unit.

use anyhow::{Result, bail};

use super::conversion::Conversion;

/// Kinds of mount that have a source.
const FROM_SOURCE: [&str; 5] = ["volume", "bind", "glob", "image", "artifact"];

pub fn resolve(c: &mut Conversion<'_>, text: &str) -> Result<String> {
    let mut fields = fields(text)?;
    let kind = fields.iter().position(|field| {
        field
            .strip_prefix("type=")
            .is_some_and(|kind| !kind.contains('='))
    });
    let kind = match kind {
        Some(at) => fields.remove(at)["type=".len()..].to_owned(),
        None => "volume".to_owned(),
    };
    if !FROM_SOURCE.contains(&kind.as_str()) {
        return Ok(text.to_owned());
    }
    let mut source = None;
    for (at, field) in fields.iter().enumerate() {
        let (key, value) = field
            .split_once('=')
            .map_or((field.as_str(), None), |(key, value)| (key, Some(value)));
        if key == "source" || key == "src" {
            let Some(value) = value else {
                bail!("source parameter does not include a value");
            };
            source = Some((at, value.to_owned()));
        }
    }
    let Some((at, value)) = source else {
        bail!("source cannot be empty: a mount of type {kind} has source=");
    };
    fields[at] = format!("source={}", c.storage(&value, true)?);
    fields.insert(0, format!("type={kind}"));
    let quoted: Vec<_> = fields.iter().map(|field| quote(field)).collect();
    Ok(quoted.join(","))
}

/// One record of RFC 4180.
fn fields(text: &str) -> Result<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(inside) => quoted(inside)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                if rest[..end].contains('"') {
                    bail!("mount {text:?}: a quote in a field that has none around it");
                }
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(fields),
            None => bail!("mount {text:?}: something stands between a quote and the next comma"),
        }
    }
}

/// Up to the quote that closes; two of them are one that does not.
fn quoted(inside: &str) -> Result<(String, &str)> {
    let mut field = String::new();
    let mut rest = inside;
    loop {
        let Some((part, after)) = rest.split_once('"') else {
            bail!("a quote in a mount is not closed");
        };
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return Ok((field, after)),
        }
    }
}

fn quote(field: &str) -> String {
    if field.contains(['"', ',', '\n', '\r']) || field.starts_with([' ', '\t']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn records() {
        assert_eq!(
            fields(r#"a=1,"b=x,y","c=""q""""#).unwrap(),
            ["a=1", "b=x,y", r#"c="q""#]
        );
        assert!(
            fields(r#""a"#).is_err() && fields(r#""a"b"#).is_err() && fields(r#"a"b"#).is_err()
        );
        assert_eq!(quote("b=x,y"), r#""b=x,y""#);
    }
}
