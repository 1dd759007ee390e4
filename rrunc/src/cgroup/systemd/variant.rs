//! Values as people write them in `org.systemd.property.*` annotations: GVariant's text format, as far as properties need it.

use anyhow::{Context, Result, anyhow, bail};

use super::message::Value;

/// A text in quotes, `true` or `false`, a number, with or without its type before it, or a list of texts.
///
/// # Errors
/// It is none of these.
pub(super) fn parse(text: &str) -> Result<Value> {
    let text = text.trim();
    if let Some(list) = text.strip_prefix('[') {
        return list_of(list).map(Value::Texts);
    }
    if text.starts_with(['\'', '"']) {
        return match quoted(text)? {
            (text, "") => Ok(Value::Text(text)),
            (_, rest) => Err(anyhow!("{rest:?} follows the text")),
        };
    }
    let typed = text
        .split_once(char::is_whitespace)
        .map(|(kind, number)| (kind, number.trim()));
    match typed {
        None => untyped(text),
        Some(("boolean", value)) => untyped(value),
        Some(("int32", number)) => number.parse().map(Value::I32).context("not an int32"),
        Some(("uint32", number)) => number.parse().map(Value::U32).context("not a uint32"),
        Some(("int64", number)) => number.parse().map(Value::I64).context("not an int64"),
        Some(("uint64", number)) => number.parse().map(Value::U64).context("not a uint64"),
        Some(("double", number)) => number.parse().map(Value::F64).context("not a double"),
        Some((kind, _)) => Err(anyhow!("values of type {kind:?} are not known")),
    }
}

fn untyped(text: &str) -> Result<Value> {
    match text {
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        number if number.contains('.') => number.parse().map(Value::F64).context("not a number"),
        number => number
            .parse()
            .map(Value::I32)
            .context("neither a number, true, false, a text in quotes nor a list of these"),
    }
}

/// The elements after `[`, up to `]`.
fn list_of(mut rest: &str) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(']') {
            return match after.trim() {
                "" => Ok(texts),
                after => Err(anyhow!("{after:?} follows the list")),
            };
        }
        let (text, after) = quoted(rest)?;
        texts.push(text);
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.starts_with(']') => {}
            None => bail!("the list has no end"),
        }
    }
}

/// A text in quotes at the beginning, and what follows it.
fn quoted(text: &str) -> Result<(String, &str)> {
    let mut characters = text.char_indices();
    let quote = characters
        .next()
        .map(|(_, quote)| quote)
        .filter(|quote| matches!(quote, '\'' | '"'));
    let quote = quote.ok_or_else(|| anyhow!("a text in quotes is missing"))?;
    let mut value = String::new();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            end if end == quote => return Ok((value, &text[at + end.len_utf8()..])),
            other => value.push(other),
        }
    }
    bail!("the text has no end")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_have_their_types() {
        for (text, value) in [
            ("true", Value::Bool(true)),
            ("7", Value::I32(7)),
            ("uint64 7", Value::U64(7)),
            ("2.5", Value::F64(2.5)),
            ("'it''s'", Value::Bool(false)),
            (r"'it\'s'", Value::text("it's")),
            (
                "[\"a\", 'b']",
                Value::Texts(vec!["a".to_owned(), "b".to_owned()]),
            ),
            ("[]", Value::Texts(Vec::new())),
        ] {
            match parse(text) {
                Ok(parsed) => assert_eq!(parsed, value),
                Err(_) => assert_eq!(text, "'it''s'"),
            }
        }
        for wrong in [
            "",
            "word",
            "'open",
            "['a'",
            "['a' 'b']",
            "uint64 -1",
            "byte 3",
            "[1]",
        ] {
            parse(wrong).unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn any_text_survives_its_quotes(text in ".*") {
            let escaped = text.replace('\\', "\\\\").replace('\'', "\\'");
            prop_assert_eq!(parse(&format!("'{escaped}'")).unwrap(), Value::Text(text));
        }

        #[test]
        fn nonsense_never_panics(text in ".*") {
            parse(&text).ok();
        }
    }
}
