//! What a value may be, as one line of text.
//!
//! ```text
//! always no on-failure: unless-stopped     words, parted by spaces; one that ends with `:` or `=` goes on
//! container:CONTAINER ns:PATH host         a word in capitals is what the store, the host or the shell has of that kind
//! status=running|exited                    what may stand behind a beginning
//! ,ipc net pid                             several of them, parted by commas
//! ```

use super::answer::{Answer, Candidate, Files};

/// What fits to the beginning of a value; `source` knows the kinds.
pub(super) fn expand(grammar: &str, typed: &str, source: &dyn Fn(&str, &str) -> Answer) -> Answer {
    if let Some(grammar) = grammar.strip_prefix(',') {
        let (before, last) = typed.split_at(typed.rfind(',').map_or(0, |at| at + 1));
        return expand(grammar, last, source).behind(before);
    }
    let mut answer = Answer::default();
    for choice in grammar.split(' ').filter(|choice| !choice.is_empty()) {
        let (beginning, values) = choice.split_at(choice.rfind([':', '=']).map_or(0, |at| at + 1));
        if let Some(typed) = typed.strip_prefix(beginning) {
            let found = any_of(values, typed, source).behind(beginning);
            if !beginning.is_empty() {
                return found;
            }
            answer.add(found);
        } else if beginning.starts_with(typed) {
            answer.candidates.push(Candidate::new(beginning, ""));
            answer.goes_on = true;
        }
    }
    answer
}

fn any_of(values: &str, typed: &str, source: &dyn Fn(&str, &str) -> Answer) -> Answer {
    let mut answer = Answer::default();
    for value in values.split('|') {
        match value {
            "PATH" | "FILE" => answer.files = Files::Any,
            "DIR" => answer.files = Files::Directories,
            value if is_kind(value) => answer.add(source(value, typed)),
            value if !value.is_empty() && value.starts_with(typed) => {
                answer.candidates.push(Candidate::new(value, ""));
            }
            _ => {}
        }
    }
    answer
}

/// Whether it is a word for what there are several of, and no value itself.
pub(super) fn is_kind(word: &str) -> bool {
    let is_capital = |byte: u8| byte.is_ascii_uppercase() || b"-_".contains(&byte);
    word.len() > 1 && word.bytes().all(is_capital)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(grammar: &str, typed: &str) -> String {
        let source = |kind: &str, typed: &str| Answer {
            candidates: ["one", "two"]
                .iter()
                .filter(|word| kind == "THING" && word.starts_with(typed))
                .map(|word| Candidate::new(*word, ""))
                .collect(),
            ..Answer::default()
        };
        let answer = expand(grammar, typed, &source);
        let words: Vec<_> = answer.candidates.iter().map(|c| c.word.as_str()).collect();
        let more = if answer.goes_on { "…" } else { "" };
        words.join(" ") + more
    }

    #[test]
    fn words_and_kinds() {
        assert_eq!(words("host of:THING THING", ""), "host of: one two…");
        assert_eq!(words("host of:THING THING", "o"), "of: one…");
        assert_eq!(words("host of:THING THING", "of:t"), "of:two");
        assert_eq!(words("is=yes|no", "is="), "is=yes is=no");
        assert_eq!(words("is=yes|no", "i"), "is=…");
        assert_eq!(words("label= label!=", "label"), "label= label!=…");
        assert_eq!(words("label= label!=", "label=x"), "");
    }

    #[test]
    fn lists() {
        assert_eq!(words(",a b THING", "b,"), "b,a b,b b,one b,two");
        assert_eq!(words(",type=x|y", "type=x,type=y"), "type=x,type=y");
    }

    #[test]
    fn files_are_the_shells() {
        let none = |_: &str, _: &str| Answer::default();
        assert_eq!(expand("PATH", "", &none).files, Files::Any);
        assert_eq!(expand("ns:DIR", "ns:/", &none).files, Files::Directories);
        assert_eq!(expand("ns:DIR", "n", &none).files, Files::None);
    }
}
