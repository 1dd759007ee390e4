//! A unit file: groups of keys, read and written so that comments and order stay ([`syntax`]). What a group says is asked by key
//! ([`ask`]) and changed by key ([`change`]).

mod ask;
mod change;
mod syntax;

use std::path::PathBuf;

#[derive(Clone, Debug, Default)]
pub struct UnitFile {
    /// `name.container`
    pub name: String,
    /// Where it was read; nothing for what was not.
    pub path: Option<PathBuf>,
    groups: Vec<Group>,
}

#[derive(Clone, Debug, Default)]
struct Group {
    /// Empty only in a file that has none, for its comments.
    name: String,
    /// Lines before the group's own.
    comments: Vec<String>,
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    Comment(String),
    Key(String, String),
}

impl UnitFile {
    fn ensure(&mut self, name: &str) -> usize {
        match self.groups.iter().position(|group| group.name == name) {
            Some(at) => at,
            None => {
                self.groups.push(Group {
                    name: name.to_owned(),
                    ..Group::default()
                });
                self.groups.len() - 1
            }
        }
    }

    fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// The name's stem, and what stands between `@` and the extension if it has one.
    pub fn template(&self) -> (&str, Option<&str>) {
        let stem = self
            .name
            .rsplit_once('.')
            .map_or(self.name.as_str(), |(stem, _)| stem);
        match stem.split_once('@') {
            Some((name, instance)) => (name, Some(instance)),
            None => (stem, None),
        }
    }

    /// `container`, without the dot.
    pub fn extension(&self) -> &str {
        self.name
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "# first\n\n[Container]\n# why\nImage = localhost/x \\\n# in between\n  more\nEnvironment=A=1 \"B=2 3\"\nEnvironment=C\n\n[Install]\nWantedBy=a.target\n";

    #[test]
    fn a_file_is_read_and_written() {
        let file = UnitFile::parse(TEXT).unwrap();
        assert_eq!(file.get("Container", "Image"), Some("localhost/x more"));
        assert_eq!(file.keys("Container"), ["Image", "Environment"]);
        let (all, warnings) = file.assignments("Container", "Environment");
        assert!(warnings.is_empty() && all["B"].as_deref() == Some("2 3") && all["C"].is_none());
        assert_eq!(
            file.text(),
            "# first\n\n[Container]\n# why\nImage=localhost/x more\nEnvironment=A=1 \"B=2 3\"\nEnvironment=C\n\n[Install]\nWantedBy=a.target\n"
        );
    }

    #[test]
    fn an_empty_value_clears_those_before() {
        let file = UnitFile::parse("[A]\nk=1\nk=\nk=2\nn=0x10\no=010\nq=\"x\"").unwrap();
        assert_eq!(file.all("A", "k"), ["2"]);
        assert_eq!(
            (file.number("A", "n"), file.number("A", "o")),
            (Some(16), Some(8))
        );
        assert_eq!(file.get("A", "q"), Some("x"));
    }

    #[test]
    fn what_is_no_unit_file_is_refused() {
        for text in ["k=v", "[A]\nword", "[]\n", "[A]\n=v"] {
            assert!(UnitFile::parse(text).is_err(), "{text}");
        }
        assert_eq!(UnitFile::parse("# only this").unwrap().text(), "");
    }

    #[test]
    fn groups_are_renamed_into_those_that_are_there() {
        let mut file = UnitFile::parse("[X-A]\na=1\n[A]\nb=2\n").unwrap();
        file.rename_group("A", "X-A");
        assert_eq!(file.keys("X-A"), ["a", "b"]);
    }

    /// Groups and their keys. The comments at the end of a group that is opened twice may come to stand before the next.
    fn meaning(file: &UnitFile) -> Vec<(&str, Vec<&Line>)> {
        let named = file.groups.iter().filter(|group| !group.name.is_empty());
        let is_key = |line: &&Line| matches!(line, Line::Key(..));
        named
            .map(|group| {
                (
                    group.name.as_str(),
                    group.lines.iter().filter(is_key).collect(),
                )
            })
            .collect()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_the_same(text in "(\\[[A-Z]\\]|[a-z]=[a-z ]*|#c|)(\n(\\[[A-Z]\\]|[a-z]=[a-z ]*|#c|)){0,8}") {
            if let Ok(file) = UnitFile::parse(&text) {
                let again = UnitFile::parse(&file.text()).unwrap();
                prop_assert_eq!(meaning(&again), meaning(&file));
            }
        }
    }
}
