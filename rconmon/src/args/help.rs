//! The text of `--help`, in GLib's form.

use super::table::{Entry, TABLE};

pub(crate) fn help() -> String {
    let mut text = String::from("Usage:\n  conmon [OPTION…] - conmon utility\n\nHelp Options:\n");
    for (index, entry) in TABLE
        .iter()
        .filter(|entry| !entry.help.is_empty())
        .enumerate()
    {
        if index == 1 {
            text.push_str("\nApplication Options:\n");
        }
        text.push_str(&format!("  {:<34} {}\n", spelling(entry), entry.help));
    }
    text.push('\n');
    text
}

/// `-c, --cid=VALUE`
fn spelling(entry: &Entry) -> String {
    let short = entry
        .short
        .map_or_else(String::new, |letter| format!("-{}, ", char::from(letter)));
    let value = if entry.takes_value() { "=VALUE" } else { "" };
    format!("{short}--{}{value}", entry.long)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page's options: what follows `.TP` and begins with a hyphen, without
    /// fonts, and `true` where a value follows.
    fn options_of_the_page() -> Vec<(String, bool)> {
        let page = include_str!("../../man/rconmon.8").replace("\\-", "-");
        let tags = page.split(".TP\n").skip(1);
        let tags = tags.filter_map(|item| item.lines().next());
        tags.filter(|tag| tag.starts_with("\\fB-"))
            .map(|tag| {
                let plain = tag.replace("\\fB", "").replace("\\fR", "");
                let spellings = plain.split(" \\fI").next().unwrap_or_default();
                (spellings.to_owned(), plain.contains("\\fI"))
            })
            .collect()
    }

    #[test]
    fn the_man_page_has_just_these_options() {
        let mut page = options_of_the_page();
        let mut table: Vec<(String, bool)> = TABLE
            .iter()
            .map(|entry| {
                let spelling = spelling(entry);
                let names = spelling.trim_end_matches("=VALUE").to_owned();
                (names, entry.takes_value())
            })
            .collect();
        page.sort();
        table.sort();
        assert_eq!(page, table);
    }

    #[test]
    fn help_comes_first_and_every_option_that_is_not_deprecated_is_there() {
        let text = help();
        assert!(text.contains("Help Options:\n  -h, --help"));
        assert!(text.contains("Application Options:\n  --api-version "));
        assert!(text.contains("  -0, --persist-dir=VALUE"));
        assert!(!text.contains("--restore-arg"));
    }
}
