//! What a definition cannot tell of a command: `PAGE.words`.
//!
//! ```text
//! EXIT STATUS                 a line of capitals begins a section
//! A paragraph goes on until   an empty line ends it; `so` is bold
//! an empty line.
//!
//! 125                         a line with an indented one after it is a term,
//!     An error in rpod.       and that is what it means
//!
//! $ rpod ps                   shown as it is
//! ```
//!
//! DESCRIPTION takes the place of what the definition says; SEE ALSO has one page a line.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use roff::{Inline, Roff, bold, roman};

/// The sections of one page, in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct Words(Vec<(String, Vec<String>)>);

/// The words of all pages of a directory, by the page's name.
pub(crate) fn read_all(directory: &Path) -> Result<BTreeMap<String, Words>> {
    let told = || format!("reading {}", directory.display());
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(directory).with_context(told)? {
        let path = entry.with_context(told)?.path();
        let Some(name) = (path.file_name().and_then(|name| name.to_str()))
            .and_then(|name| name.strip_suffix(".words"))
        else {
            continue;
        };
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let words = parse(&text).with_context(|| format!("in {}", path.display()))?;
        all.insert(name.to_owned(), words);
    }
    Ok(all)
}

fn parse(text: &str) -> Result<Words> {
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines() {
        if is_heading(line) {
            sections.push((line.to_owned(), Vec::new()));
            continue;
        }
        match sections.last_mut() {
            Some((_, lines)) => lines.push(line.trim_end().to_owned()),
            None if line.trim().is_empty() => {}
            None => anyhow::bail!("the first line is no heading in capitals: {line:?}"),
        }
    }
    Ok(Words(sections))
}

fn is_heading(line: &str) -> bool {
    line.len() > 3
        && line.starts_with(|c: char| c.is_ascii_uppercase())
        && line.chars().all(|c| c.is_ascii_uppercase() || c == ' ')
}

impl Words {
    /// The lines of a section that are not empty.
    pub(crate) fn lines(&self, heading: &str) -> impl Iterator<Item = &str> {
        let section = self.0.iter().find(|(name, _)| name == heading);
        section
            .into_iter()
            .flat_map(|(_, lines)| lines)
            .map(|line| line.trim())
            .filter(|line| !line.is_empty())
    }

    /// Adds the text of one section, and says whether there is any.
    pub(crate) fn put(&self, roff: &mut Roff, heading: &str) -> bool {
        match self.0.iter().find(|(name, _)| name == heading) {
            Some((_, lines)) => {
                paragraphs(roff, lines);
                true
            }
            None => false,
        }
    }

    /// Adds all sections but those that are told of elsewhere.
    pub(crate) fn put_others(&self, roff: &mut Roff, but: &[&str]) {
        let others = self.0.iter().filter(|(name, _)| !but.contains(&&**name));
        for (heading, lines) in others {
            roff.control("SH", [heading.as_str()]);
            paragraphs(roff, lines);
        }
    }
}

fn paragraphs(roff: &mut Roff, lines: &[String]) {
    // `.SH` begins a paragraph of its own.
    let mut first = true;
    for paragraph in lines.split(|line| line.is_empty()) {
        match paragraph {
            [] => continue,
            [term, meaning @ ..] if meaning.first().is_some_and(|line| line.starts_with(' ')) => {
                roff.control("TP", []);
                roff.text(inline_bold(term));
                roff.text(inline(&join(meaning)));
            }
            [command, ..] if command.starts_with("$ ") => {
                if !first {
                    roff.control("PP", []);
                }
                roff.control("nf", []).control("RS", ["4"]);
                for line in paragraph {
                    roff.text([roman(line.as_str())]);
                }
                roff.control("RE", []).control("fi", []);
            }
            _ => {
                if !first {
                    roff.control("PP", []);
                }
                roff.text(inline(&join(paragraph)));
            }
        }
        first = false;
    }
}

fn join(lines: &[String]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ")
}

/// A term is bold as a whole, unless it says by itself what is.
fn inline_bold(term: &str) -> Vec<Inline> {
    if term.contains('`') {
        inline(term)
    } else {
        vec![bold(term)]
    }
}

/// Text in which what stands between back quotes is bold.
pub(crate) fn inline(text: &str) -> Vec<Inline> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (text.split('`').enumerate())
        .filter(|(_, part)| !part.is_empty())
        .map(|(index, part)| {
            if index % 2 == 1 {
                bold(part)
            } else {
                roman(part)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_have_paragraphs_terms_and_commands() {
        let text = "EXIT STATUS\nOne\nline.\n\n0\n    It `went` well.\n\n$ x\n\nFILES\nNone.\n";
        let words = parse(text).expect("parses");
        let mut roff = Roff::new();
        words.put_others(&mut roff, &["FILES"]);
        assert_eq!(
            roff.to_roff(),
            ".SH \"EXIT STATUS\"\nOne line.\n.TP\n\\fB0\\fR\nIt \\fBwent\\fR well.\n.PP\n.nf\n.RS 4\n$ x\n.RE\n.fi\n"
        );
        assert_eq!(words.lines("FILES").collect::<Vec<_>>(), ["None."]);
    }

    #[test]
    fn text_without_a_heading_is_refused() {
        assert!(parse("Well then\n").is_err());
    }
}
