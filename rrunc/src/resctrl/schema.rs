//! Schemata: a resource and its share in each domain, `L3:0=ff;1=c0`.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use crate::spec::IntelRdt;

/// # Errors
/// A schema is more than one line, or of another resource.
pub(super) fn check(wanted: &IntelRdt) -> Result<()> {
    for line in lines(wanted) {
        ensure!(
            !line.contains('\n'),
            "{line:?} has a newline: give one schema, or several in schemata"
        );
    }
    for (field, schema, resource) in [
        ("l3CacheSchema", &wanted.l3_cache_schema, "L3"),
        ("memBwSchema", &wanted.mem_bw_schema, "MB:"),
    ] {
        let text = schema.as_deref().unwrap_or_default();
        ensure!(
            text.is_empty() || text.starts_with(resource),
            "{field}: {text:?} does not begin with {resource:?}"
        );
    }
    Ok(())
}

/// All lines, in the order in which they are to be written.
pub(super) fn lines(wanted: &IntelRdt) -> Vec<&str> {
    [&wanted.l3_cache_schema, &wanted.mem_bw_schema]
        .into_iter()
        .flatten()
        .chain(&wanted.schemata)
        .map(String::as_str)
        .filter(|line| !line.is_empty())
        .collect()
}

/// Whether a class that is there has the shares that are asked for; of two
/// lines about one domain the later holds.
///
/// # Errors
/// The first share that is another.
pub(super) fn compare(lines: &[&str], present: &str) -> Result<()> {
    let has: BTreeMap<_, _> = present.lines().flat_map(shares).collect();
    let wanted: BTreeMap<_, _> = lines.iter().flat_map(|line| shares(line)).collect();
    for ((resource, domain), share) in wanted {
        let found = has.get(&(resource, domain)).map_or("none", |found| found);
        ensure!(
            found.eq_ignore_ascii_case(share),
            "closID: this class has {resource}:{domain}={found} and not {share}: name another one"
        );
    }
    Ok(())
}

/// The kernel pads resources with blanks, and shares with noughts.
fn shares(line: &str) -> impl Iterator<Item = ((&str, &str), &str)> {
    let (resource, domains) = line.split_once(':').unwrap_or((line, ""));
    domains.split(';').filter_map(move |domain| {
        let (domain, share) = domain.split_once('=')?;
        let share = share.trim();
        let short = share.trim_start_matches('0');
        let share = if short.is_empty() { "0" } else { short };
        Some(((resource.trim(), domain.trim()), share))
    })
}
