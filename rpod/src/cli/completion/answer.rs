//! What a shell is told, as programs made with Go's cobra tell it: a line for each candidate, with what it is behind a tab; then
//! `:` and a number that says what the shell may do besides.

use std::fmt::Write as _;

/// The word goes on: no space is put behind it.
const NO_SPACE: u8 = 2;
/// The shell offers no files where nothing else fits.
const NO_FILES: u8 = 4;
/// The shell offers directories.
const DIRECTORIES: u8 = 16;

/// Which files the shell offers by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Files {
    #[default]
    None,
    Any,
    Directories,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) candidates: Vec<Candidate>,
    pub(super) files: Files,
    /// Each candidate is only a beginning.
    pub(super) goes_on: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    pub(super) word: String,
    pub(super) about: String,
}

impl Candidate {
    pub(super) fn new(word: impl Into<String>, about: impl Into<String>) -> Candidate {
        Candidate {
            word: word.into(),
            about: about.into(),
        }
    }
}

impl Answer {
    pub(super) fn add(&mut self, other: Answer) {
        self.candidates.extend(other.candidates);
        self.goes_on |= other.goes_on;
        if self.files == Files::None {
            self.files = other.files;
        }
    }

    /// The same behind what was typed before it.
    pub(super) fn behind(mut self, typed: &str) -> Answer {
        for candidate in &mut self.candidates {
            candidate.word.insert_str(0, typed);
        }
        self
    }

    pub(super) fn text(&self, described: bool) -> String {
        let mut text = String::new();
        for Candidate { word, about } in &self.candidates {
            text.push_str(word);
            let about = about.lines().next().unwrap_or_default();
            if described && !about.is_empty() {
                text.push('\t');
                text.push_str(about);
            }
            text.push('\n');
        }
        let _ = writeln!(text, ":{}", self.directive());
        text
    }

    fn directive(&self) -> u8 {
        let files = match self.files {
            Files::None => NO_FILES,
            Files::Any => 0,
            Files::Directories => DIRECTORIES,
        };
        files | if self.goes_on { NO_SPACE } else { 0 }
    }

    /// The same for a person who looks, on standard error.
    pub(super) fn told(&self) -> String {
        let mut names = Vec::new();
        for (bit, name) in [
            (NO_SPACE, "ShellCompDirectiveNoSpace"),
            (NO_FILES, "ShellCompDirectiveNoFileComp"),
            (DIRECTORIES, "ShellCompDirectiveFilterDirs"),
        ] {
            if self.directive() & bit != 0 {
                names.push(name);
            }
        }
        let names = if names.is_empty() {
            "ShellCompDirectiveDefault".to_owned()
        } else {
            names.join(", ")
        };
        format!("Completion ended with directive: {names}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_cobras() {
        let mut answer = Answer::default();
        assert_eq!(answer.text(true), ":4\n");
        answer.candidates = vec![Candidate::new("a", "One.\nMore."), Candidate::new("b", "")];
        answer.goes_on = true;
        assert_eq!(answer.text(true), "a\tOne.\nb\n:6\n");
        assert_eq!(answer.text(false), "a\nb\n:6\n");
        answer.files = Files::Any;
        assert!(answer.told().ends_with(": ShellCompDirectiveNoSpace"));
        answer.goes_on = false;
        assert!(answer.told().ends_with(": ShellCompDirectiveDefault"));
    }
}
