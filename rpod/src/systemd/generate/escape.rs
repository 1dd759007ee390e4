//! Words of a command line as `ExecStart=` has them: systemd.service(5), "Command lines".

/// Nothing in it is a variable, a specifier or the end of the command any more.
pub(super) fn escape(word: &str) -> String {
    let word = word.replace('$', "$$").replace('%', "%%");
    let is_special = |c: char| c.is_ascii_whitespace() || c.is_ascii_control() || "\"'".contains(c);
    match word.as_str() {
        "" | ";" => format!("\"{word}\""),
        _ if word.contains(is_special) => quote(&word),
        _ => word.replace('\\', "\\\\"),
    }
}

fn quote(word: &str) -> String {
    let mut quoted = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn what_systemd_would_take_for_its_own() {
        for (word, escaped) in [
            ("plain", "plain"),
            ("", "\"\""),
            (";", "\";\""),
            ("a;b", "a;b"),
            ("$HOME 100%", "\"$$HOME 100%%\""),
            (r"a\b", r"a\\b"),
            ("it's", "\"it's\""),
            ("say \"x\\y\"\n", r#""say \"x\\y\"\n""#),
            ("\u{1b}", r#""\x1b""#),
            ("ä b", "\"ä b\""),
        ] {
            assert_eq!(escape(word), escaped, "{word:?}");
        }
    }
}
