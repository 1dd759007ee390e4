//! containers.conf(5): the keys that rpod reads.
//!
//! Files, later ones win key by key, and add to lists that have `{append=true}` in them:
//!
//! 1. `/usr/share/containers/containers.conf`, `/etc/containers/containers.conf`, `/etc/containers/containers.conf.d/*.conf`, and for
//!    an ordinary user the same under `$XDG_CONFIG_HOME/containers`; or `CONTAINERS_CONF` alone where that is set;
//! 2. those of `--module`, from `containers.conf.modules` in the user's own directory, `/etc/containers` or `/usr/share/containers`;
//! 3. `CONTAINERS_CONF_OVERRIDE`.

mod files;
mod keys;
mod merge;

use std::borrow::Cow;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

pub use files::user_config;
pub use keys::{Containers, ContainersConf, Size};
use merge::{drop_marks, merge};

impl ContainersConf {
    pub fn load(modules: &[PathBuf]) -> Result<ContainersConf> {
        let mut merged = toml::Table::new();
        for path in files::in_order(modules)? {
            let text = match fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => {
                    return Err(error).with_context(|| format!("reading {}", path.display()));
                }
            };
            let table = without_comments(&text).parse();
            let table = table.with_context(|| format!("parsing {}", path.display()))?;
            merge(&mut merged, table);
        }
        let mut merged = toml::Value::Table(merged);
        drop_marks(&mut merged);
        merged.try_into().context("containers.conf")
    }
}

/// The text with empty lines in the place of comments. They are nearly all of the file as it is distributed, and to have them parsed
/// would be most of what any command does before its own work. In a text of several lines one may look like a comment.
fn without_comments(text: &str) -> Cow<'_, str> {
    if text.contains("\"\"\"") || text.contains("'''") {
        return text.into();
    }
    let is_comment = |line: &str| line.trim_start().starts_with('#');
    let lines = text.split('\n');
    let lines = lines.map(|line| if is_comment(line) { "" } else { line });
    lines.collect::<Vec<_>>().join("\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_comments_are_not_parsed() {
        let text = "# a\n  # b\r\n[engine] # c\nruntime = 'x'\n#d";
        let left = without_comments(text);
        assert_eq!(left, "\n\n[engine] # c\nruntime = 'x'\n");
        for quotes in ["'''", "\"\"\""] {
            let text = format!("[engine]\nruntime = {quotes}\n#x\n{quotes}\n");
            assert_eq!(without_comments(&text), text);
        }
    }
}
