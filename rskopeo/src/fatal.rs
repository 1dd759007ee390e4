//! The one line on stderr that ends a failed command, in the shape that skopeo's logger gives it.

use std::io::{self, IsTerminal};

/// `FATA[0000] text` on a terminal, else `time="…" level=fatal msg="text"`.
pub fn line(error: &anyhow::Error) -> String {
    logged("FATA", "fatal", &format!("{error:#}"))
}

/// Tells on stderr of something that does not stop the command, in the same shape.
pub fn warn(text: &str) {
    eprintln!("{}", logged("WARN", "warning", text));
}

fn logged(tag: &str, level: &str, text: &str) -> String {
    if io::stderr().is_terminal() {
        return format!("{tag}[0000] {}", text.replace('\n', " "));
    }
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    format!("time=\"{now}\" level={level} msg={}", quoted(text))
}

/// As Go's `%q` quotes text.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
