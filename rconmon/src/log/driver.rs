//! `--log-path`'s values and what belongs to them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::args::Options;
use crate::report;

/// Letters of a container's id that make its short form.
const SHORT_ID: usize = 12;

/// Which logs to keep.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) file: Option<FilePlan>,
    pub(crate) journal: Option<JournalPlan>,
    /// The container keeps the caller's own streams.
    pub(crate) passthrough: bool,
}

#[derive(Debug)]
pub(crate) struct FilePlan {
    pub(crate) path: PathBuf,
    /// Bytes in one file.
    pub(crate) size_max: Option<u64>,
    /// Bytes in all.
    pub(crate) global_size_max: Option<u64>,
    /// Old files to keep; None truncates.
    pub(crate) rotate: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct JournalPlan {
    /// Fields that every entry carries, as `NAME=value`.
    pub(crate) fields: Vec<Vec<u8>>,
    pub(crate) mark_partial: bool,
}

impl Plan {
    /// Checks the drivers and their options.
    pub(crate) fn check(options: &Options, cid: &OsStr) -> Result<Self> {
        ensure!(
            !options.log_paths.is_empty(),
            "Log driver not provided. Use --log-path"
        );
        let mut plan = Self::default();
        let mut journald = false;
        for value in &options.log_paths {
            match Driver::parse(value)? {
                Driver::None => {}
                Driver::Passthrough => plan.passthrough = true,
                Driver::Journald => journald = true,
                Driver::File(path) => plan.file = Some(file_plan(path, options)?),
            }
        }
        if plan.file.is_some() && !journald {
            ensure!(
                options.log_tag.is_none(),
                "k8s-file doesn't support --log-tag"
            );
            ensure!(
                options.log_labels.is_empty(),
                "k8s-file doesn't support --log-label"
            );
        }
        if journald {
            plan.journal = Some(journal_plan(options, cid)?);
        } else if options.no_container_partial_message {
            report::warn(format_args!(
                "--no-container-partial-message has no effect without journald log driver"
            ));
        }
        Ok(plan)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Driver {
    None,
    Passthrough,
    Journald,
    File(PathBuf),
}

impl Driver {
    /// `DRIVER:PATH`, `DRIVER`, `:PATH` or `PATH`.
    fn parse(value: &OsStr) -> Result<Self> {
        let bytes = value.as_bytes();
        let mut words = bytes
            .split(|byte| *byte == b':')
            .filter(|word| !word.is_empty());
        let Some(first) = words.next() else {
            bail!("log-path must not be empty");
        };
        let second = words.next();
        if second.is_none() && bytes.starts_with(b":") {
            return Ok(Self::File(path(first)));
        }
        Ok(match (first, second) {
            (b"off" | b"null" | b"none", _) => Self::None,
            (b"passthrough" | b"passthrough-tty", _) => Self::Passthrough,
            (b"journald", _) => Self::Journald,
            (b"k8s-file" | b"json-file", Some(file)) => Self::File(path(file)),
            (b"k8s-file" | b"json-file", None) => {
                bail!("{} requires a filename", String::from_utf8_lossy(first))
            }
            (file, None) if !bytes.contains(&b':') => Self::File(path(file)),
            (name, _) => bail!("No such log driver {}", String::from_utf8_lossy(name)),
        })
    }
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

fn file_plan(path: PathBuf, options: &Options) -> Result<FilePlan> {
    check_allowed(&path, &options.log_allowlist_dirs)?;
    let limit = |value: Option<i64>| value.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
    let files = options.log_max_files.unwrap_or(1);
    let files =
        u32::try_from(files).with_context(|| format!("log-max-files is too large: {files}"))?;
    Ok(FilePlan {
        path,
        size_max: limit(options.log_size_max),
        global_size_max: limit(options.log_global_size_max),
        rotate: options.log_rotate.then_some(files),
    })
}

/// The log's directory must be one of `allowed`, or inside one.
fn check_allowed(log: &Path, allowed: &[PathBuf]) -> Result<()> {
    if allowed.is_empty() {
        return Ok(());
    }
    let parent = match log.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let parent = parent
        .canonicalize()
        .with_context(|| format!("Failed to open log file {}", log.display()))?;
    let inside = |directory: &PathBuf| {
        directory
            .canonicalize()
            .is_ok_and(|d| parent.starts_with(d))
    };
    ensure!(
        allowed.iter().any(inside),
        "log file {} is in none of the directories of --log-allowlist-dir",
        log.display()
    );
    Ok(())
}

fn journal_plan(options: &Options, cid: &OsStr) -> Result<JournalPlan> {
    let cid = cid.as_bytes();
    ensure!(
        cid.len() > SHORT_ID,
        "Container ID must be longer than 12 characters"
    );
    options.log_labels.iter().try_for_each(check_label)?;
    let short = &cid[..SHORT_ID];
    let tag = options.log_tag.as_deref().map(OsStr::as_bytes);
    let name = options.name.as_deref().map(OsStr::as_bytes);

    let field = |key: &str, value: &[u8]| [key.as_bytes(), b"=", value].concat();
    let mut fields = vec![
        field("CONTAINER_ID_FULL", cid),
        field("CONTAINER_ID", short),
    ];
    fields.extend(tag.map(|tag| field("CONTAINER_TAG", tag)));
    fields.extend(name.map(|name| field("CONTAINER_NAME", name)));
    fields.push(field("SYSLOG_IDENTIFIER", tag.or(name).unwrap_or(short)));
    fields.extend(
        options
            .log_labels
            .iter()
            .map(|label| label.as_bytes().to_vec()),
    );
    Ok(JournalPlan {
        fields,
        mark_partial: !options.no_container_partial_message,
    })
}

fn check_label(label: &OsString) -> Result<()> {
    let bytes = label.as_bytes();
    let shown = label.display();
    let Some((name, rest)) = bytes
        .iter()
        .position(|b| *b == b'=')
        .map(|at| bytes.split_at(at))
    else {
        bail!("Container labels must be in format LABEL=VALUE (no '=' present in '{shown}')");
    };
    ensure!(
        !name.is_empty(),
        "Container labels must be in format LABEL=VALUE (no LABEL present in '{shown}')"
    );
    ensure!(
        !rest[1..].contains(&b'='),
        "Container labels must be in format LABEL=VALUE (more than one '=' present in '{shown}')"
    );
    let valid = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    ensure!(
        name.iter().all(valid),
        "Container label names must contain only uppercase letters, numbers and underscore (in '{shown}')"
    );
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_drivers() {
        let parse = |value: &str| Driver::parse(OsStr::new(value));
        let file = |path: &str| Driver::File(PathBuf::from(path));
        assert_eq!(parse("k8s-file:/a").unwrap(), file("/a"));
        assert_eq!(parse("json-file:/a").unwrap(), file("/a"));
        assert_eq!(parse("/a").unwrap(), file("/a"));
        assert_eq!(parse(":/a").unwrap(), file("/a"));
        assert_eq!(parse(":journald").unwrap(), file("journald"));
        assert_eq!(parse("journald:").unwrap(), Driver::Journald);
        assert_eq!(parse("none").unwrap(), Driver::None);
        for bad in ["", ":", "k8s-file", "k8s-file:", "nope:", "nope:/a"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn labels_are_checked() {
        assert!(check_label(&"A_1=x".into()).is_ok());
        for bad in ["A", "=x", "A=x=y", "a=x", "A%=x"] {
            assert!(check_label(&bad.into()).is_err(), "{bad}");
        }
    }
}
