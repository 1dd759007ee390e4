//! `KEY=VALUE`: labels, annotations, sysctls.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// Those of the files, then those of the options, which win.
pub(in crate::cli) fn labels(
    files: &[PathBuf],
    options: &[String],
) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for path in files {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("unable to process labels: open {}", path.display()))?;
        let lines: Vec<String> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned)
            .collect();
        all.extend(pairs(&lines));
    }
    all.extend(pairs(options));
    if all.contains_key("") {
        let wrong = options.iter().find(|text| text.starts_with('='));
        bail!(
            "unable to process labels: invalid label format: {:?}",
            wrong.map_or("=", String::as_str)
        );
    }
    Ok(all)
}

pub(in crate::cli) fn pairs(list: &[String]) -> impl Iterator<Item = (String, String)> + '_ {
    list.iter().map(|text| {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        (key.to_owned(), value.to_owned())
    })
}

pub(in crate::cli) fn sysctls(list: &[String]) -> Result<Vec<(String, String)>> {
    for text in list {
        let Some((key, value)) = text.split_once('=') else {
            bail!("{text} is invalid, sysctl values must be in the form of KEY=VALUE");
        };
        if key.trim() != key || value.trim() != value {
            bail!("'{text}' is invalid, extra spaces found");
        }
        if !is_of_namespace(key) {
            bail!("sysctl '{key}' is not allowed: it is no namespace's, but the host's");
        }
    }
    Ok(pairs(list).collect())
}

/// Those that a container has for itself.
fn is_of_namespace(key: &str) -> bool {
    const IPC: [&str; 8] = [
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
    ];
    IPC.contains(&key) || key.starts_with("net.") || key.starts_with("fs.mqueue.")
}
