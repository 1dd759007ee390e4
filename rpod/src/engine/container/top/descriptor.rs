//! The columns that podman-top(1) knows.

use jiff::Timestamp;

use super::names::View;
use super::process::Process;
use crate::bundle::capability_names;
use crate::output::{go_duration, go_time};

/// A column: its AIX code if it has one, its name, its heading, and what it says of a process.
#[derive(Debug)]
pub struct Descriptor {
    code: &'static str,
    name: &'static str,
    pub heading: &'static str,
    pub value: fn(&Process, &View) -> String,
}

/// The names of all columns.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|known| known.name)
}

/// Finds a column by its name or its code.
pub(super) fn find(text: &str) -> Option<&'static Descriptor> {
    ALL.iter()
        .find(|known| known.name == text || !known.code.is_empty() && known.code == text)
}

const fn column(
    code: &'static str,
    name: &'static str,
    heading: &'static str,
    value: fn(&Process, &View) -> String,
) -> Descriptor {
    Descriptor {
        code,
        name,
        heading,
        value,
    }
}

const REAL: usize = 0;
const EFFECTIVE: usize = 1;

static ALL: [Descriptor; 34] = [
    column("%C", "pcpu", "%CPU", |p, _| {
        let age = p.age();
        let share = if age > 0.0 {
            p.cpu_seconds() / age
        } else {
            0.0
        };
        format!("{:.3}", share * 100.0)
    }),
    column("%G", "group", "GROUP", |p, v| {
        v.inside.group(p.id("Gid", EFFECTIVE))
    }),
    column("", "groups", "GROUPS", |p, v| {
        joined(p.groups(), |id| v.inside.group(id))
    }),
    column("%P", "ppid", "PPID", |p, _| p.parent.to_string()),
    column("%U", "user", "USER", |p, v| {
        v.inside.user(p.id("Uid", EFFECTIVE))
    }),
    column("", "uid", "UID", |p, v| {
        v.inside.uid(p.id("Uid", EFFECTIVE)).to_string()
    }),
    column("%a", "args", "COMMAND", |p, _| p.args.clone()),
    column("%c", "comm", "COMMAND", |p, _| p.comm.clone()),
    column("%g", "rgroup", "RGROUP", |p, v| {
        v.inside.group(p.id("Gid", REAL))
    }),
    column("%n", "nice", "NI", |p, _| p.number(19).to_string()),
    column("%p", "pid", "PID", |p, _| p.pid.to_string()),
    column("%r", "pgid", "PGID", |p, _| p.group.to_string()),
    column("%t", "etime", "ELAPSED", |p, _| {
        go_duration((p.age() * 100.0).round() as u64 * 10_000_000)
    }),
    column("%u", "ruser", "RUSER", |p, v| {
        v.inside.user(p.id("Uid", REAL))
    }),
    column("%x", "time", "TIME", |p, _| {
        go_duration(p.cpu_seconds() as u64 * 1_000_000_000)
    }),
    column("%y", "tty", "TTY", |p, _| terminal(p.number(7))),
    column("%z", "vsz", "VSZ", |p, _| (p.number(23) / 1024).to_string()),
    column("", "capamb", "AMBIENT CAPS", |p, _| {
        capabilities(p.status("CapAmb"))
    }),
    column("", "capinh", "INHERITED CAPS", |p, _| {
        capabilities(p.status("CapInh"))
    }),
    column("", "capprm", "PERMITTED CAPS", |p, _| {
        capabilities(p.status("CapPrm"))
    }),
    column("", "capeff", "EFFECTIVE CAPS", |p, _| {
        capabilities(p.status("CapEff"))
    }),
    column("", "capbnd", "BOUNDING CAPS", |p, _| {
        capabilities(p.status("CapBnd"))
    }),
    column("", "seccomp", "SECCOMP", |p, _| {
        let mode = match p.status("Seccomp") {
            "0" => "disabled",
            "1" => "strict",
            "2" => "filter",
            _ => "?",
        };
        mode.to_owned()
    }),
    column("", "label", "LABEL", |p, _| {
        let label = p.label.trim_end_matches(['\n', '\0']);
        if label.is_empty() {
            "?".to_owned()
        } else {
            label.to_owned()
        }
    }),
    column("", "hpid", "HPID", |p, _| p.host_pid.to_string()),
    column("", "huser", "HUSER", |p, v| {
        v.host.user(p.id("Uid", EFFECTIVE))
    }),
    column("", "huid", "HUID", |p, v| {
        v.host.uid(p.id("Uid", EFFECTIVE)).to_string()
    }),
    column("", "hgroup", "HGROUP", |p, v| {
        v.host.group(p.id("Gid", EFFECTIVE))
    }),
    column("", "hgroups", "HGROUPS", |p, v| {
        joined(p.groups(), |id| v.host.group(id))
    }),
    column("", "rss", "RSS", |p, _| {
        p.status("VmRSS").trim_end_matches(" kB").trim().to_owned()
    }),
    column("", "state", "STATE", |p, _| p.state().to_owned()),
    column("", "stime", "STIME", |p, _| {
        let age = jiff::SignedDuration::from_secs_f64(p.age());
        Timestamp::now()
            .checked_sub(age)
            .map_or_else(|_| "?".to_owned(), go_time)
    }),
    column("", "command", "COMMAND", |p, _| p.args.clone()),
    column("", "cmd", "COMMAND", |p, _| p.args.clone()),
];

fn joined(ids: Vec<u32>, name: impl Fn(u32) -> String) -> String {
    ids.into_iter().map(name).collect::<Vec<_>>().join(",")
}

/// The name of a terminal by its device number; `?` for a process without one.
fn terminal(device: i64) -> String {
    let (major, minor) = (
        (device >> 8) & 0xfff,
        (device & 0xff) | ((device >> 12) & 0xfff00),
    );
    match major {
        136..=143 => format!("pts/{}", (major - 136) * 256 + minor),
        4 if minor < 64 => format!("tty{minor}"),
        4 => format!("ttyS{}", minor - 64),
        5 if minor == 1 => "console".to_owned(),
        _ => "?".to_owned(),
    }
}

/// A mask of hexadecimal digits as a list, `full` or `none`.
fn capabilities(mask: &str) -> String {
    let Ok(mask) = u64::from_str_radix(mask, 16) else {
        return "?".to_owned();
    };
    let names = capability_names();
    let all = (1u64 << names.len()) - 1;
    match mask & all {
        0 => "none".to_owned(),
        kept if kept == all => "full".to_owned(),
        kept => {
            let mut held: Vec<&str> = names
                .iter()
                .enumerate()
                .filter(|(bit, _)| kept & (1 << bit) != 0)
                .map(|(_, name)| name.trim_start_matches("CAP_"))
                .collect();
            held.sort_unstable();
            held.join(",")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_and_capabilities() {
        assert_eq!(terminal(34816), "pts/0");
        assert_eq!(terminal(0), "?");
        assert_eq!(terminal(1025), "tty1");
        assert_eq!(capabilities("0000000000000000"), "none");
        assert_eq!(capabilities("000001ffffffffff"), "full");
        assert_eq!(capabilities("0000000000000003"), "CHOWN,DAC_OVERRIDE");
    }

    #[test]
    fn columns_have_one_name_each() {
        for (index, column) in ALL.iter().enumerate() {
            assert!(!ALL[..index].iter().any(|other| other.name == column.name));
        }
        assert!(find("%C").is_some() && find("").is_none() && find("aux").is_none());
    }
}
