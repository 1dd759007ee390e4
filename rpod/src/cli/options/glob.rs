//! `--mount type=glob`: podman-run(1).

use anyhow::{Context as _, Result, bail};

use super::mount::{Words, bind};
use crate::engine::container::record::Mount;

/// Each file of the host that fits the pattern, at its own path or below the destination.
pub(super) fn globbed(
    words: &Words,
    source: Option<&str>,
    destination: Option<&str>,
) -> Result<Vec<Mount>> {
    let pattern = source.context("must set source for a glob mount")?;
    let mut mounts = Vec::new();
    let links = words.iter().any(|(key, _)| *key == "no-dereference");
    for path in expand(pattern, links)? {
        let target = match destination {
            None => path.clone(),
            Some(directory) => {
                let name = path.rsplit('/').next().unwrap_or_default();
                format!("{}/{name}", directory.trim_end_matches('/'))
            }
        };
        mounts.push(bind(words, &path, &target)?);
    }
    if mounts.is_empty() {
        bail!("no file paths matching glob {pattern:?}");
    }
    Ok(mounts)
}

/// Component by component: `*`, `?` and `[…]` in names, hidden files only by a pattern that begins with a dot.
fn expand(pattern: &str, links: bool) -> Result<Vec<String>> {
    if !pattern.starts_with('/') {
        bail!("the glob {pattern:?} is no absolute path");
    }
    let mut found = vec![String::new()];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        if !part.contains(['*', '?', '[']) {
            next.extend(found.iter().map(|base| format!("{base}/{part}")));
        } else {
            let fits = regex::Regex::new(&expression(part))
                .with_context(|| format!("the glob {pattern:?} is malformed"))?;
            for base in &found {
                let directory = std::fs::read_dir(format!("{base}/"));
                let names = directory.into_iter().flatten().flatten();
                let names = names.filter_map(|entry| entry.file_name().into_string().ok());
                let is_shown = |name: &String| part.starts_with('.') || !name.starts_with('.');
                let mut names: Vec<String> = names
                    .filter(|name| fits.is_match(name) && is_shown(name))
                    .map(|name| format!("{base}/{name}"))
                    .collect();
                names.sort();
                next.extend(names);
            }
        }
        found = next;
    }
    // A link that leads nowhere is there only if it is meant itself.
    found.retain(|path| match links {
        true => std::fs::symlink_metadata(path).is_ok(),
        false => std::path::Path::new(path).exists(),
    });
    Ok(found)
}

fn expression(glob: &str) -> String {
    let mut text = String::from("^");
    let mut in_set = false;
    for c in glob.chars() {
        match c {
            '*' if !in_set => text.push_str(".*"),
            '?' if !in_set => text.push('.'),
            '[' if !in_set => {
                in_set = true;
                text.push('[');
            }
            ']' if in_set => {
                in_set = false;
                text.push(']');
            }
            c if in_set => text.push(if c == '!' { '^' } else { c }),
            c => text.push_str(&regex::escape(&c.to_string())),
        }
    }
    text + "$"
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn globs() {
        use crate::cli::options::mount::parse;
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.conf", "b.conf", ".c.conf", "d.txt"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let base = dir.path().display();
        let found = parse(&format!("type=glob,src={base}/[!b].conf,dst=/etc")).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].destination, "/etc/a.conf");
        assert_eq!(
            parse(&format!("type=glob,src={base}/*.conf,ro"))
                .unwrap()
                .len(),
            2
        );
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\PC{0,30}") {
            let _ = regex::Regex::new(&expression(&text));
        }
    }
}
