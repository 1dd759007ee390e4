//! Monitors and pause programs beside their counterparts, for `scripts/bench`: a row is a line of fields between tabs: what was
//! measured, ours, theirs, ours / theirs, and the target for it.

mod monitor;
mod pause;

use std::process::ExitCode;
use std::time::Duration;

use tests::Result;
use tests::monitor::stand_in;

type Measure = fn() -> Result<()>;

const ROWS: &[(&str, Measure)] = &[
    ("monitor::idle_memory", monitor::idle_memory),
    ("monitor::thousand", monitor::thousand),
    ("monitor::start", monitor::start),
    ("monitor::throughput", monitor::throughput),
    ("pause::size", pause::size),
    ("pause::idle_memory", pause::idle_memory),
    ("pause::wake_ups", pause::wake_ups),
    ("pause::orphans", pause::orphans),
    ("pause::end", pause::end),
];

fn main() -> ExitCode {
    if let Some(code) = stand_in::run_if_called().or_else(pause::run_if_called) {
        return code;
    }
    let filter = std::env::args().nth(1).unwrap_or_default();
    let mut code = ExitCode::SUCCESS;
    for (name, measure) in ROWS.iter().filter(|(name, _)| name.contains(&filter)) {
        if let Err(error) = measure() {
            eprintln!("{name}: {error:#}");
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// One line; `target` is the most that the ratio may be.
fn row(what: &str, ours: f64, theirs: f64, unit: &str, target: &str) {
    let digits = if ours.max(theirs) < 100.0 { 2 } else { 0 };
    println!(
        "{what}\t{ours:.digits$} {unit}\t{theirs:.digits$} {unit}\t{:.2}\t{target}",
        ours / theirs
    );
}

/// One line about ours alone, held against a limit.
fn limit(what: &str, ours: f64, theirs: Option<f64>, unit: &str, limit: f64) {
    let theirs = theirs.map_or_else(|| "-".to_owned(), |theirs| format!("{theirs:.2} {unit}"));
    println!(
        "{what}\t{ours:.2} {unit}\t{theirs}\t{:.2}\t1.0 ({limit} {unit})",
        ours / limit
    );
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

/// PSS of a process in KiB.
fn pss(pid: nix::unistd::Pid) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    Ok(line
        .unwrap_or_default()
        .trim()
        .trim_end_matches(" kB")
        .parse()?)
}
