//! What is made of texts: podman's functions, and Go's ways to escape one.

use serde_json::Value;

use super::{count, plain, text, type_name, wrong_count};

/// Every word begins with a capital; the rest is left as it is.
pub(super) fn title(text: &str) -> String {
    let mut inside = false;
    let mut output = String::with_capacity(text.len());
    for c in text.chars() {
        match inside {
            false => output.extend(c.to_uppercase()),
            true => output.push(c),
        }
        inside = c.is_alphanumeric() || c == '_' || c == '\'';
    }
    output
}

pub(super) fn split(values: &[Value]) -> Result<Value, String> {
    let [value, separator] = values else {
        return wrong_count(2, values);
    };
    let (value, separator) = (text(value)?, text(separator)?);
    Ok(match separator {
        "" => value.chars().map(String::from).collect(),
        separator => value.split(separator).collect(),
    })
}

pub(super) fn join(values: &[Value]) -> Result<String, String> {
    let [items, separator] = values else {
        return wrong_count(2, values);
    };
    let items = match items {
        Value::Array(items) => items.as_slice(),
        Value::Null => &[],
        other => {
            return Err(format!(
                "wrong type for value; expected []string; got {}",
                type_name(other)
            ));
        }
    };
    Ok(items
        .iter()
        .map(plain)
        .collect::<Vec<_>>()
        .join(text(separator)?))
}

/// `pad TEXT BEFORE AFTER`: spaces on either side of a text that is not empty.
pub(super) fn pad(values: &[Value]) -> Result<String, String> {
    const MAX: usize = 1_000_000;
    let [value, before, after] = values else {
        return wrong_count(3, values);
    };
    let value = text(value)?;
    if value.is_empty() {
        return Ok(String::new());
    }
    Ok(format!(
        "{}{value}{}",
        " ".repeat(count(before)?.min(MAX)),
        " ".repeat(count(after)?.min(MAX))
    ))
}

pub(super) fn truncate(values: &[Value]) -> Result<String, String> {
    let [value, length] = values else {
        return wrong_count(2, values);
    };
    Ok(text(value)?.chars().take(count(length)?).collect())
}

pub(super) fn escape_html(text: &str) -> String {
    escape(text, |c| match c {
        '"' => Some("&#34;".into()),
        '\'' => Some("&#39;".into()),
        '&' => Some("&amp;".into()),
        '<' => Some("&lt;".into()),
        '>' => Some("&gt;".into()),
        '\0' => Some("\u{fffd}".into()),
        _ => None,
    })
}

pub(super) fn escape_js(text: &str) -> String {
    escape(text, |c| match c {
        '\\' | '\'' | '"' => Some(format!("\\{c}")),
        '<' | '>' | '&' | '=' => Some(format!("\\u{:04X}", u32::from(c))),
        c if c.is_control() => Some(format!("\\u{:04X}", u32::from(c))),
        _ => None,
    })
}

pub(super) fn escape_query(text: &str) -> String {
    escape(text, |c| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' | '~' => None,
        ' ' => Some("+".into()),
        c => Some(
            c.encode_utf8(&mut [0; 4])
                .bytes()
                .map(|byte| format!("%{byte:02X}"))
                .collect(),
        ),
    })
}

fn escape(text: &str, replacement: impl Fn(char) -> Option<String>) -> String {
    let mut output = String::with_capacity(text.len());
    for c in text.chars() {
        match replacement(c) {
            Some(replaced) => output.push_str(&replaced),
            None => output.push(c),
        }
    }
    output
}
