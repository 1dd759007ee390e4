//! Words as unit files have them: systemd.syntax(7), "Quoting".

use anyhow::{Result, bail};

/// Splits at white space. Quotes hold words together and go; C's escapes are resolved, and one that is none is an error. What is
/// missing at the end (a quote, the character after a backslash) is forgiven.
pub fn arguments(text: &str) -> Result<Vec<String>> {
    split(text, true)
}

/// Splits at white space. Quotes hold words together and go; a backslash is a character like another. A text with a quote that stays
/// open has no words.
pub fn list(text: &str) -> Vec<String> {
    split(text, false).unwrap_or_default()
}

fn split(text: &str, escapes: bool) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = text.trim_start_matches(is_separator);
    while !rest.is_empty() {
        let (word, after) = first_word(rest, escapes)?;
        // As systemd: what is only quotes ends the list.
        if word.is_empty() {
            break;
        }
        words.push(word);
        rest = after.trim_start_matches(is_separator);
    }
    Ok(words)
}

fn first_word(text: &str, escapes: bool) -> Result<(String, &str)> {
    let mut word = String::new();
    let mut quote = None;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let next = at + c.len_utf8();
        match quote {
            _ if c == '\\' && escapes => {
                let Some((plain, length)) = unescape(&text[next..])? else {
                    return Ok((word, ""));
                };
                word.push(plain);
                at = next + length;
                continue;
            }
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if is_separator(c) => return Ok((word, &text[next..])),
            _ => word.push(c),
        }
        at = next;
    }
    if quote.is_some() && !escapes {
        bail!("unbalanced quotes");
    }
    Ok((word, ""))
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// The character that an escape stands for, and how many bytes it has; nothing at the end of the text.
fn unescape(text: &str) -> Result<Option<(char, usize)>> {
    let Some(first) = text.chars().next() else {
        return Ok(None);
    };
    let number = |digits: std::ops::Range<usize>, radix: u32| {
        let digits = text
            .get(digits)
            .filter(|digits| digits.chars().all(|c| c.is_digit(radix)));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, radix).ok());
        code.filter(|code| *code != 0).and_then(char::from_u32)
    };
    let coded = match first {
        'x' => number(1..3, 16).map(|c| (c, 3)),
        'u' => number(1..5, 16).map(|c| (c, 5)),
        'U' => number(1..9, 16).map(|c| (c, 9)),
        '0'..='7' => number(0..3, 8)
            .filter(|c| u32::from(*c) < 256)
            .map(|c| (c, 3)),
        _ => named(first).map(|c| (c, 1)),
    };
    match coded {
        Some(coded) => Ok(Some(coded)),
        None => bail!("unsupported escape char"),
    }
}

fn named(c: char) -> Option<char> {
    Some(match c {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        's' => ' ',
        '\\' | '"' | '\'' => c,
        _ => return None,
    })
}

/// Words as one value that [`arguments`] splits again.
pub fn join(words: &[String]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| quote(word)).collect();
    quoted.join(" ")
}

/// A word, in quotes if it has to be.
pub fn quote(word: &str) -> String {
    let special = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '\\');
    if !word.chars().any(|c| c.is_ascii() && special(c)) {
        return word.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in word.chars() {
        match c {
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            ' ' => quoted.push_str("\\x20"),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_of_a_command_line() {
        assert_eq!(
            arguments(r#"sh -c "a  b" 'c "d"' e\x20f \u00e9 "open"#).unwrap(),
            ["sh", "-c", "a  b", "c \"d\"", "e f", "é", "open"]
        );
        assert_eq!(arguments(r"a\").unwrap(), ["a"]);
        assert_eq!(arguments(r"\101\s").unwrap(), ["A "]);
        for wrong in [r"\y", r"\x0", r"\x00", r"\400", r"\U00110000"] {
            assert!(arguments(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn words_of_a_list_keep_backslashes() {
        assert_eq!(list(r#" a\n  "b c" "#), [r"a\n", "b c"]);
        assert!(list("  ").is_empty() && list("a \"b").is_empty());
    }

    proptest! {
        #[test]
        fn what_is_joined_is_split_again(words in proptest::collection::vec("[^\\x00]+", 0..5)) {
            // White space that is not ASCII's is left as it is, and separates nothing.
            prop_assert_eq!(arguments(&join(&words)).unwrap(), words);
        }
    }
}
