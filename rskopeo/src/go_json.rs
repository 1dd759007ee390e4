//! JSON as Go's encoder prints it, so that output is byte for byte that of the real tool.

use serde::{Deserialize, Serialize};
use serde_json::ser::{PrettyFormatter, Serializer};

/// Four spaces of indent, `<`, `>`, `&` and the two line separators escaped.
pub fn indented(value: &impl Serialize) -> serde_json::Result<String> {
    pretty(value, b"    ")
}

/// Indented by tabs, as auth.json is.
pub fn tabbed(value: &impl Serialize) -> serde_json::Result<String> {
    pretty(value, b"\t")
}

fn pretty(value: &impl Serialize, indent: &[u8]) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(indent);
    value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))?;
    Ok(escape_html(&String::from_utf8_lossy(&bytes)))
}

/// On one line without spaces.
pub fn compact(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(escape_html(&serde_json::to_string(value)?))
}

// These characters can stand only inside strings, so they may be replaced in the finished text.
fn escape_html(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Go writes an empty list as `null`.
pub fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn escapes_as_go_does() {
        assert_eq!(
            compact(&"a && <b>").unwrap(),
            r#""a \u0026\u0026 \u003cb\u003e""#
        );
        assert_eq!(
            indented(&serde_json::json!({"a": []})).unwrap(),
            "{\n    \"a\": []\n}"
        );
    }
}
