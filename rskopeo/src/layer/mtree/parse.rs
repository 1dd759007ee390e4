//! Reading an mtree(5) file.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::super::path::{clean, join, split};
use super::{Facts, Mtree, vis};

#[derive(Debug, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct InvalidMtree {
    line: usize,
    reason: &'static str,
}

impl FromStr for Mtree {
    type Err = InvalidMtree;

    fn from_str(text: &str) -> Result<Self, InvalidMtree> {
        let mut files = BTreeMap::new();
        let mut defaults = Facts::new();
        // None before the first directory.
        let mut directory: Option<Vec<u8>> = None;
        for (number, line) in lines(text) {
            let invalid = |reason| InvalidMtree {
                line: number,
                reason,
            };
            let mut words = line.split_whitespace();
            let Some(first) = words.next() else { continue };
            match first {
                _ if first.starts_with('#') => {}
                "/set" => defaults.extend(words.filter_map(fact)),
                "/unset" => words.for_each(|keyword| drop(defaults.remove(keyword))),
                ".." => {
                    directory = match directory.as_deref() {
                        None => return Err(invalid("it ends a directory that was not begun")),
                        Some(b"") => None,
                        Some(below) => Some(split(below).0.to_vec()),
                    }
                }
                _ => {
                    let name = vis::decode(first).ok_or_else(|| invalid("its name is no name"))?;
                    let path = place(directory.as_deref(), &name)
                        .ok_or_else(|| invalid("its name leads out of the tree"))?;
                    let mut facts = defaults.clone();
                    facts.extend(words.filter_map(fact));
                    if facts.get("type").is_some_and(|kind| kind == "dir") && !name.contains(&b'/')
                    {
                        directory = Some(path.clone());
                    }
                    files.insert(path, facts);
                }
            }
        }
        Ok(Self { files })
    }
}

/// Where a file is: names with a slash are paths from the root.
fn place(directory: Option<&[u8]>, name: &[u8]) -> Option<Vec<u8>> {
    let full = match directory {
        Some(directory) if !name.contains(&b'/') => join(directory, name),
        _ => name.to_vec(),
    };
    clean(&full).ok()
}

fn fact(word: &str) -> Option<(String, String)> {
    let (keyword, value) = word.split_once('=')?;
    // Older names of the same.
    let keyword = match keyword {
        "sha256" => "sha256digest",
        other => other,
    };
    Some((keyword.to_owned(), value.to_owned()))
}

/// Logical lines: a backslash at the end joins the next one.
fn lines(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut physical = text.lines().enumerate();
    std::iter::from_fn(move || {
        let (number, line) = physical.next()?;
        let mut whole = line.to_owned();
        // A name may end in an escaped backslash, but then a keyword follows.
        while whole.ends_with('\\') && !whole.ends_with("\\\\") {
            whole.pop();
            whole.push_str(physical.next()?.1);
        }
        Some((number + 1, whole))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_umoci_writes_it() {
        let text = "#  user: root\n\n# .\n/set type=file nlink=1 mode=0664 uid=0 gid=0\n. size=4096 type=dir mode=0755\n    \
            a\\040b size=2 sha256digest=00\n\n# d\nd type=dir\n    e size=0 \\\n  mode=0600\n..\n    f size=1\n..\n";
        let mtree: Mtree = text.parse().unwrap();
        let paths: Vec<&[u8]> = mtree.files.keys().map(Vec::as_slice).collect();
        assert_eq!(paths, [&b""[..], b"a b", b"d", b"d/e", b"f"]);
        assert_eq!(mtree.files[&b"a b"[..]]["type"], "file");
        assert_eq!(mtree.files[&b"d/e"[..]]["mode"], "0600");
        let refused = |text: &str| text.parse::<Mtree>().unwrap_err().to_string();
        assert!(refused("..").starts_with("line 1: "));
        assert!(refused(". type=dir\n\\056\\056/\\056\\056/x type=file").contains("leads out"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-z./\\\\ #=\n0-9]{0,200}") {
            let _ = text.parse::<Mtree>();
        }
    }
}
