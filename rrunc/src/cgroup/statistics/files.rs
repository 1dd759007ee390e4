//! Reading a group's files. One that a kernel lacks counts nothing; one that
//! is there must be readable.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;

use super::{Pressure, PressureLine};

/// The text, or `None` where there is no such file (or what it tells is
/// switched off).
pub(super) fn text(group: &Path, file: &str) -> Result<Option<String>> {
    let path = group.join(file);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error)
            if error.kind() == std::io::ErrorKind::NotFound
                || error.raw_os_error() == Some(Errno::EOPNOTSUPP as i32) =>
        {
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

/// A file that holds one number; `max` is the largest one.
pub(super) fn number(group: &Path, file: &str) -> Result<u64> {
    match text(group, file)? {
        None => Ok(0),
        Some(text) => match text.trim() {
            "max" => Ok(u64::MAX),
            number => number
                .parse()
                .with_context(|| format!("read {}: {number:?}", group.join(file).display())),
        },
    }
}

/// A file of lines `name number`.
pub(super) fn table(group: &Path, file: &str) -> Result<BTreeMap<String, u64>> {
    let text = text(group, file)?.unwrap_or_default();
    let line = |line: &str| {
        let (name, number) = line.split_once(' ')?;
        Some((name.to_owned(), number.trim().parse().ok()?))
    };
    Ok(text.lines().filter_map(line).collect())
}

/// Numbers between blanks.
pub(super) fn numbers(group: &Path, file: &str) -> Result<Vec<u64>> {
    let text = text(group, file)?.unwrap_or_default();
    Ok(text
        .split_whitespace()
        .filter_map(|number| number.parse().ok())
        .collect())
}

/// A list of CPUs or nodes, `0-3,7`.
pub(super) fn list(group: &Path, file: &str) -> Result<Vec<u16>> {
    let text = text(group, file)?.unwrap_or_default();
    let mut list = Vec::new();
    for range in text.trim().split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let parse = |text: &str| {
            text.parse::<u16>()
                .map_err(|_| anyhow!("read {}: {range:?}", group.join(file).display()))
        };
        list.extend(parse(first)?..=parse(last)?);
    }
    Ok(list)
}

/// A file of pressure stall information.
pub(super) fn pressure(group: &Path, file: &str) -> Result<Option<Pressure>> {
    let Some(text) = text(group, file)? else {
        return Ok(None);
    };
    let mut pressure = Pressure::default();
    for line in text.lines() {
        let Some((kind, rest)) = line.split_once(' ') else {
            continue;
        };
        match kind {
            "some" => pressure.some = Some(pressure_line(rest)),
            "full" => pressure.full = Some(pressure_line(rest)),
            _ => {}
        }
    }
    Ok(Some(pressure))
}

fn pressure_line(fields: &str) -> PressureLine {
    let mut line = PressureLine::default();
    for (name, value) in fields.split(' ').filter_map(|field| field.split_once('=')) {
        let number = value.parse().unwrap_or(0.0);
        match name {
            "avg10" => line.avg10 = number,
            "avg60" => line.avg60 = number,
            "avg300" => line.avg300 = number,
            "total" => line.total = value.parse().unwrap_or(0),
            _ => {}
        }
    }
    line
}
