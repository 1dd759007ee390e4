//! A limit is a text written to a file of a group.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;
use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, fstatfs};

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Limit {
    /// The controller whose group has the file.
    pub(super) controller: &'static str,
    pub(super) file: String,
    pub(super) value: String,
    /// Older kernels lack the file, and nothing is lost without it.
    pub(super) optional: bool,
}

impl Limit {
    pub(super) fn new(
        controller: &'static str,
        file: impl Into<String>,
        value: impl ToString,
    ) -> Limit {
        Limit {
            controller,
            file: file.into(),
            value: value.to_string(),
            optional: false,
        }
    }

    pub(super) fn optional(self) -> Limit {
        Limit {
            optional: true,
            ..self
        }
    }

    fn write(&self, group: &Path) -> io::Result<()> {
        match write(&group.join(&self.file), &self.value) {
            Err(error) if self.optional && error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    fn explain(&self, group: &Path, error: io::Error) -> anyhow::Error {
        let Limit {
            controller,
            file,
            value,
            ..
        } = self;
        let path = group.join(file);
        match error.kind() {
            io::ErrorKind::NotFound => anyhow!(
                "set {file} to {value}: {} does not exist: the {controller} controller is not enabled for this group, or this kernel lacks the limit",
                path.display()
            ),
            _ => anyhow!("write {value:?} to {}: {error}", path.display()),
        }
    }
}

/// Writes the limits in order. Some depend on each other (a quota on its period, memory on memory
/// with swap) and which goes first depends on the values in force: one that the kernel finds invalid
/// or busy is tried again after the rest.
///
/// # Errors
/// A limit's controller has no group here, or the kernel refuses the value.
pub(super) fn write_all<'a>(
    limits: &[Limit],
    group_of: impl Fn(&str) -> Option<&'a Path>,
) -> Result<()> {
    let mut again = Vec::new();
    for limit in limits {
        let Some(group) = group_of(limit.controller) else {
            if limit.optional {
                continue;
            }
            return Err(anyhow!(
                "set {} to {}: this host has no {} controller mounted",
                limit.file,
                limit.value,
                limit.controller
            ));
        };
        match limit.write(group) {
            Ok(()) => {}
            Err(error) if retriable(&error) => again.push((limit, group)),
            Err(error) => return Err(limit.explain(group, error)),
        }
    }
    for (limit, group) in again {
        limit
            .write(group)
            .map_err(|error| limit.explain(group, error))?;
    }
    Ok(())
}

fn retriable(error: &io::Error) -> bool {
    [Errno::EINVAL, Errno::EBUSY]
        .iter()
        .any(|errno| error.raw_os_error() == Some(*errno as i32))
}

/// Writes to a file of a group, which must exist; a file of another file system is no group's.
pub(super) fn write(path: &Path, value: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let kind = fstatfs(&file)?.filesystem_type();
    if kind != CGROUP2_SUPER_MAGIC && kind != CGROUP_SUPER_MAGIC {
        return Err(io::Error::other("not a file of a control group"));
    }
    file.write_all(value.as_bytes())
}

/// As [`write`], with an error that tells the path.
pub(super) fn write_or_explain(path: &Path, value: &str) -> Result<()> {
    write(path, value).with_context(|| format!("write {value:?} to {}", path.display()))
}
