//! Words and the line that a person would type.

use std::process::Command;

pub(super) fn line_of(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        let arg = arg.to_string_lossy();
        let quote = if arg.is_empty() || arg.contains([' ', '\n', '"']) {
            "'"
        } else {
            ""
        };
        line.push_str(&format!(" {quote}{arg}{quote}"));
    }
    line
}

/// As a shell would split it: by blanks, with '…' and "…" kept whole.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_split_as_in_a_shell() {
        assert_eq!(
            words("run  sh -c 'echo \"a b\"; exit 7' \"\" x'y'"),
            ["run", "sh", "-c", "echo \"a b\"; exit 7", "", "xy"]
        );
    }
}
