//! What a monitor costs.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::monitor::{Case, appears, eventually};
use tests::{Result, Scratch, ensure};

use crate::{limit, median, pss, row};

/// Time for a monitor to settle after its container's start.
const SETTLE: Duration = Duration::from_millis(1500);
/// Lines of 100 bytes.
const LINES: usize = 2_000_000;

pub(crate) fn idle_memory() -> Result<()> {
    let of = |monitor: &str| -> Result<f64> {
        let case = Case::new(monitor)?;
        let mut watched = case.container("exec sleep 600").with("-i").begin()?;
        watched.container()?;
        sleep(SETTLE);
        let size = pss(watched.monitor()?)?;
        watched.signal(Signal::SIGTERM)?;
        watched.end()?;
        Ok(size)
    };
    row(
        "memory of an idle monitor (PSS)",
        of("rconmon")?,
        of("conmon")?,
        "KiB",
        "0.25",
    );
    Ok(())
}

pub(crate) fn thousand() -> Result<()> {
    let case = Case::new("rconmon")?;
    let mut all = Vec::new();
    let mut pids = Vec::new();
    for n in 0..1000 {
        let dir = case.path(format!("bundle/{n}"));
        fs::create_dir(&dir)?;
        let mut launch = case.container("exec sleep 600");
        for option in ["-c", "-u", "-b", "-p", "-P"] {
            launch = launch.without(option);
        }
        let (id, dir) = (case.scratch.id(&n.to_string()), dir.display());
        let line = format!("-c {id} -u {id} -b {dir} -p {dir}/pidfile -P {dir}/monitor.pid");
        let mut watched = launch.with(&line).begin()?;
        watched.container()?;
        let pid = case.read(format!("bundle/{n}/monitor.pid"))?;
        pids.push(Pid::from_raw(pid.parse()?));
        all.push(watched);
    }
    sleep(SETTLE);
    let mut sum = 0.0;
    for pid in &pids {
        sum += pss(*pid)?;
    }
    for pid in &pids {
        kill(*pid, Signal::SIGTERM)?;
    }
    for watched in &mut all {
        watched.end()?;
    }
    let megabytes = sum / 1024.0;
    limit(
        "memory of 1000 monitors (PSS)",
        megabytes,
        None,
        "MiB",
        300.0,
    );
    Ok(())
}

/// From the spawn to the pid on the sync pipe, in turn.
pub(crate) fn start() -> Result<()> {
    let cases = [Case::new("rconmon")?, Case::new("conmon")?];
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..60 {
        for (case, times) in cases.iter().zip(&mut times) {
            let begun = Instant::now();
            let mut watched = case.container("exit").begin()?;
            watched.container()?;
            times.push(begun.elapsed());
            watched.end()?;
        }
    }
    let [ours, theirs] = times.map(median);
    row("start (spawn to pid)", ours, theirs, "ms", "1.0");
    Ok(())
}

pub(crate) fn throughput() -> Result<()> {
    let scratch = Scratch::new()?;
    let lines = scratch.path("lines");
    let mut file = std::io::BufWriter::new(fs::File::create(&lines)?);
    for n in 0..LINES {
        writeln!(file, "{n:0>99}")?;
    }
    file.flush()?;
    let mut best = [(f64::MAX, f64::MAX); 2];
    for _ in 0..3 {
        for (monitor, best) in ["rconmon", "conmon"].iter().zip(&mut best) {
            let (time, cpu) = log_lines(&Case::new(monitor)?, &lines)?;
            *best = (best.0.min(time), best.1.min(cpu));
        }
    }
    let [ours, theirs] = best;
    row(
        "log 200 MB of 100-byte lines",
        ours.0,
        theirs.0,
        "ms",
        "0.33",
    );
    row("  CPU time of it", ours.1, theirs.1, "ms", "0.33");
    Ok(())
}

/// Milliseconds until all lines are in the log, and of the monitor's own CPU time.
fn log_lines(case: &Case, lines: &Path) -> Result<(f64, f64)> {
    let mut watched = case
        .container(&format!(
            "cat {}; echo > {}; read over",
            lines.display(),
            case.path("written").display()
        ))
        .with("-i")
        .created_only()
        .begin()?;
    watched.container()?;
    let monitor = watched.monitor()?;
    let before = cpu(monitor)?;
    let begun = Instant::now();
    watched.start()?;
    appears(&case.path("written"))?;
    // The last of it may still be in the pipe.
    eventually("all is logged", || {
        case.path("log")
            .metadata()
            .is_ok_and(|log| log.len() as usize >= LINES * 144)
    })?;
    let time = begun.elapsed();
    let cpu = cpu(monitor)? - before;
    watched.client()?.write(b"\n")?;
    watched.end()?;
    let log = case.path("log").metadata()?.len();
    ensure!(log as usize >= LINES * 144, "lines are missing");
    Ok((time.as_secs_f64() * 1000.0, cpu))
}

/// Milliseconds on a CPU so far.
fn cpu(pid: Pid) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat"))?;
    let nanoseconds: f64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1e6)
}
