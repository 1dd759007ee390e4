//! A process as /proc shows it: proc(5).

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

#[derive(Debug, Default)]
pub struct Process {
    /// As the host counts.
    pub host_pid: i32,
    /// As its own PID namespace counts.
    pub pid: i32,
    pub parent: i32,
    pub group: i32,
    /// Fields of stat, from the state on.
    stat: Vec<String>,
    /// Fields of status, by name.
    status: BTreeMap<String, String>,
    pub comm: String,
    pub args: String,
    pub label: String,
}

/// What belongs to the container whose first process is `init`, by PID. What ends while we look is left out.
pub fn of_container(init: i32, by_namespace: bool) -> Result<Vec<Process>> {
    let home = |pid: i32| {
        if by_namespace {
            fs::read_link(format!("/proc/{pid}/ns/pid")).ok()
        } else {
            fs::read_to_string(format!("/proc/{pid}/cgroup"))
                .ok()
                .map(PathBuf::from)
        }
    };
    let wanted = home(init).with_context(|| format!("process {init} is gone"))?;
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").context("listing /proc")? {
        let name = entry.context("listing /proc")?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if home(pid).as_ref() == Some(&wanted)
            && let Some(process) = read(pid)
        {
            found.push(process);
        }
    }
    // A parent outside of the namespace is none, as for the first process and for those of exec.
    let pids: BTreeMap<i32, i32> = found.iter().map(|p| (p.host_pid, p.pid)).collect();
    for process in &mut found {
        process.parent = pids.get(&process.parent).copied().unwrap_or_default();
    }
    found.sort_by_key(|process| process.pid);
    Ok(found)
}

fn read(pid: i32) -> Option<Process> {
    let text = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
    let stat = text("stat")?;
    let (before, fields) = stat.rsplit_once(") ")?;
    let status = text("status")?;
    let status: BTreeMap<String, String> = status
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
        .collect();
    let innermost = |key: &str| status.get(key)?.split_whitespace().last()?.parse().ok();
    let comm = before.split_once('(')?.1.to_owned();
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<_> = line
        .split(|byte| *byte == 0)
        .map(String::from_utf8_lossy)
        .collect();
    let args = words.join(" ").trim_end().to_owned();
    let mut process = Process {
        host_pid: pid,
        pid: innermost("NSpid").unwrap_or(pid),
        group: innermost("NSpgid").unwrap_or_default(),
        stat: fields.split_ascii_whitespace().map(str::to_owned).collect(),
        status,
        args: if args.is_empty() {
            format!("[{comm}]")
        } else {
            args
        },
        comm,
        label: text("attr/current").unwrap_or_default(),
        ..Process::default()
    };
    process.parent = process.number(4).try_into().ok()?;
    Some(process)
}

impl Process {
    /// A field of /proc/PID/stat by its number in proc(5); the state is the third.
    pub fn number(&self, field: usize) -> i64 {
        let text = self.stat.get(field - 3);
        text.and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    pub fn state(&self) -> &str {
        self.stat.first().map_or("?", String::as_str)
    }

    /// A field of /proc/PID/status.
    pub fn status(&self, key: &str) -> &str {
        self.status.get(key).map_or("", String::as_str)
    }

    /// The real (0) or effective (1) id of a line like `Uid: 0 0 0 0`.
    pub fn id(&self, key: &str, which: usize) -> u32 {
        let mut ids = self.status(key).split_ascii_whitespace();
        ids.nth(which)
            .and_then(|id| id.parse().ok())
            .unwrap_or_default()
    }

    pub fn groups(&self) -> Vec<u32> {
        let groups = self.status("Groups").split_ascii_whitespace();
        groups.filter_map(|group| group.parse().ok()).collect()
    }

    /// Seconds since it began, and seconds of processor time.
    pub fn age(&self) -> f64 {
        let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
        let up: f64 = uptime
            .split(' ')
            .next()
            .and_then(|seconds| seconds.parse().ok())
            .unwrap_or_default();
        (up - self.number(22) as f64 / ticks()).max(0.0)
    }

    pub fn cpu_seconds(&self) -> f64 {
        (self.number(14) + self.number(15)) as f64 / ticks()
    }
}

fn ticks() -> f64 {
    match nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK) {
        Ok(Some(ticks)) => ticks as f64,
        _ => 100.0,
    }
}
