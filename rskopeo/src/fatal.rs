//! What is told on stderr, in the shape that skopeo's logger gives it: the one line that ends a failed command, and lesser news.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::terminal;

/// The image that is asked for does not exist, which has an exit code of its own.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotFound(pub String);

/// 2 when there is no such image, else 1.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.chain().any(|cause| cause.is::<NotFound>()) {
        2
    } else {
        1
    }
}

/// `FATA[0000] text` on a terminal, else `time="…" level=fatal msg="text"`.
pub fn line(error: &anyhow::Error) -> String {
    logged("FATA", "fatal", &format!("{error:#}"))
}

/// Tells on stderr of something that does not stop the command, in the same shape.
pub fn warn(text: &str) {
    terminal::complain(&logged("WARN", "warning", text));
}

/// The same, with what it is about.
pub fn warn_of(text: &str, about: &[(&str, &str)]) {
    terminal::complain(&with_fields(logged("WARN", "warning", text), about));
}

/// An error that does not stop the command.
pub fn error(error: &anyhow::Error) {
    error_of(&format!("{error:#}"), &[]);
}

/// What is left undone, with what it is about.
pub fn error_of(text: &str, about: &[(&str, &str)]) {
    terminal::complain(&with_fields(logged("ERRO", "error", text), about));
}

/// What is being done, with its details.
pub fn info(text: &str, about: &[(&str, &str)]) {
    terminal::complain(&info_line(text, about));
}

/// [`info`], to be told at another time.
pub fn info_line(text: &str, about: &[(&str, &str)]) -> String {
    with_fields(logged("INFO", "info", text), about)
}

static DEBUG: AtomicBool = AtomicBool::new(false);

/// `--debug`: from now on [`debug`] is not silent.
pub fn show_debug() {
    DEBUG.store(true, Ordering::Relaxed);
}

/// What only somebody wants to read who looks for a fault. `text` is made when it is shown.
pub fn debug(text: impl FnOnce() -> String) {
    if DEBUG.load(Ordering::Relaxed) {
        terminal::complain(&logged("DEBU", "debug", &text()));
    }
}

fn logged(tag: &str, level: &str, text: &str) -> String {
    let text = with_go_causes(text);
    if io::stderr().is_terminal() {
        return format!("{tag}[0000] {}", text.replace('\n', " "));
    }
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    format!("time=\"{now}\" level={level} msg={}", quoted(&text))
}

fn with_fields(mut line: String, fields: &[(&str, &str)]) -> String {
    for (name, value) in fields {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._/@^+".contains(c);
        line.push_str(&format!(" {name}="));
        let value = with_go_causes(value);
        match value.chars().all(plain) && !value.is_empty() {
            true => line.push_str(&value),
            false => line.push_str(&quoted(&value)),
        }
    }
    line
}

/// Rust ends the system's errors with "No such file or directory (os error 2)", Go with "no such file or directory", which is
/// what scripts look for.
pub fn with_go_causes(text: &str) -> String {
    const MARK: &str = " (os error ";
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(MARK) {
        let (before, after) = rest.split_at(at);
        let number = after[MARK.len()..].split_once(')');
        let known = number.and_then(|(number, tail)| Some((number.parse().ok()?, tail)));
        let Some((number, tail)) = known else {
            done.push_str(&rest[..at + MARK.len()]);
            rest = &after[MARK.len()..];
            continue;
        };
        let cause = io::Error::from_raw_os_error(number).to_string();
        let cause = cause.split(MARK).next().unwrap_or_default();
        match before.strip_suffix(cause) {
            Some(before) => {
                done.push_str(before);
                let mut letters = cause.chars();
                done.extend(letters.next().map(|first| first.to_ascii_lowercase()));
                done.push_str(letters.as_str());
            }
            None => done.push_str(before),
        }
        rest = tail;
    }
    done + rest
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_read_as_gos() {
        let error = io::Error::from_raw_os_error(libc::ENOENT);
        let told = with_go_causes(&format!("open x: {error} at path \"y\"; then {error}"));
        assert_eq!(
            told,
            "open x: no such file or directory at path \"y\"; then no such file or directory"
        );
        for text in [
            "plain",
            "a (os error x)",
            "a (os error 2",
            "(os error 2)",
            " (os error 2)",
        ] {
            with_go_causes(text);
        }
        assert_eq!(with_go_causes("a (os error x)"), "a (os error x)");
    }

    #[test]
    fn quotes_as_go() {
        assert_eq!(quoted("a \"b\"\n\u{1}"), r#""a \"b\"\n\u0001""#);
    }
}
