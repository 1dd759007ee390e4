//! What a pod's infra process costs.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{ForkResult, Pid, fork};
use tests::monitor::{eventually, is_gone};
use tests::{Context as _, Result, ours, peer};

use crate::{limit, median, pss, row};

/// Makes this program leave orphans behind: as many as it says.
const ORPHANS: &str = "BENCH_ORPHANS";

fn programs() -> Result<[PathBuf; 2]> {
    Ok([ours("rpause")?, peer("catatonit")?])
}

/// In a pid namespace of its own, where it is init; the process is `unshare`'s, which waits for it.
fn as_init(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--pid", "--fork", "--kill-child"])
        .arg(program)
        .args(args);
    command
}

/// The only child of `unshare`.
fn init_of(unshare: &Child) -> Result<Pid> {
    let list = format!("/proc/{0}/task/{0}/children", unshare.id());
    loop {
        let text = fs::read_to_string(&list)?;
        if let Some(pid) = text.split_whitespace().next() {
            return Ok(Pid::from_raw(pid.parse()?));
        }
        sleep(Duration::from_millis(1));
    }
}

fn paused(program: &Path) -> Result<(Child, Pid)> {
    let child = as_init(program, &["-P"]).spawn()?;
    let init = init_of(&child)?;
    sleep(Duration::from_millis(300));
    Ok((child, init))
}

fn each<T>(measure: impl Fn(&Path) -> Result<T>) -> Result<[T; 2]> {
    let [ours, theirs] = programs()?;
    Ok([measure(&ours)?, measure(&theirs)?])
}

pub(crate) fn size() -> Result<()> {
    let [ours, theirs] = each(|program| Ok(program.metadata()?.len() as f64 / 1024.0))?;
    limit("rpause: file", ours, Some(theirs), "KiB", 16.0);
    Ok(())
}

pub(crate) fn idle_memory() -> Result<()> {
    let [ours, theirs] = each(|program| {
        let (mut child, init) = paused(program)?;
        let size = pss(init)?;
        kill(init, Signal::SIGTERM)?;
        child.wait()?;
        Ok(size)
    })?;
    limit("rpause: memory (PSS)", ours, Some(theirs), "KiB", 64.0);
    Ok(())
}

/// Times that it is scheduled in three seconds in which a hundred processes of its namespace end.
pub(crate) fn wake_ups() -> Result<()> {
    let [ours, theirs] = each(|program| {
        let (mut child, init) = paused(program)?;
        let switches = || -> Result<f64> {
            let status = fs::read_to_string(format!("/proc/{init}/status"))?;
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            Ok(line.context("no count")?.trim().parse()?)
        };
        let before = switches()?;
        let namespace = init.to_string();
        let orphans = "for n in $(seq 100); do (true &); done";
        Command::new("nsenter")
            .args(["-t", &namespace, "-p", "sh", "-c", orphans])
            .status()?;
        sleep(Duration::from_secs(3));
        let count = switches()? - before;
        kill(init, Signal::SIGTERM)?;
        child.wait()?;
        Ok(count)
    })?;
    println!("rpause: wake-ups in 3 s\t{ours}\t{theirs}\t{ours:.2}\t0");
    Ok(())
}

/// How many are reaped in a second, once they have died.
pub(crate) fn orphans() -> Result<()> {
    const COUNT: usize = 10_000;
    let [ours, theirs] = each(|program| {
        let this = env::current_exe()?;
        let mut child = as_init(program, &["--", &this.display().to_string()])
            .env(ORPHANS, COUNT.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        // A byte when all of them wait for their end, which is that of our end of the pipe.
        child
            .stdout
            .as_mut()
            .context("no stdout")?
            .read_exact(&mut [0])?;
        let init = init_of(&child)?;
        let list = format!("/proc/{init}/task/{init}/children");
        // Their deaths are not what is measured: until all have died, nobody reaps.
        kill(init, Signal::SIGSTOP)?;
        drop(child.stdin.take());
        let children = fs::read_to_string(&list)?;
        let leader = children
            .split_whitespace()
            .next()
            .context("no program")?
            .to_owned();
        for orphan in children.split_whitespace().skip(1) {
            let pid = Pid::from_raw(orphan.parse()?);
            eventually("an orphan dies", || is_gone(pid))?;
        }
        let begun = Instant::now();
        kill(init, Signal::SIGCONT)?;
        // Looking at the list slows the reaping down, so it comes second. Another process may have the number by then.
        let last = children.split_whitespace().last().unwrap_or_default();
        let last = format!("/proc/{last}/stat");
        let is_dead = || fs::read_to_string(&last).is_ok_and(|stat| stat.contains(") Z "));
        while is_dead() || fs::read_to_string(&list)?.trim() != leader {
            sleep(Duration::from_millis(1));
        }
        let rate = COUNT as f64 / begun.elapsed().as_secs_f64();
        kill(init, Signal::SIGTERM)?;
        child.wait()?;
        Ok(rate)
    })?;
    println!(
        "rpause -- PROG: orphans per second\t{ours:.0}\t{theirs:.0}\t{:.2}\t1.0 (10000)",
        10_000.0 / ours
    );
    Ok(())
}

/// Plays the program that leaves orphans behind, if this process was started as that.
pub(crate) fn run_if_called() -> Option<ExitCode> {
    let count = env::var(ORPHANS).ok()?.parse().ok()?;
    leave(count).ok()?;
    Some(ExitCode::SUCCESS)
}

fn leave(count: usize) -> Result<()> {
    // SAFETY: this process has one thread.
    if let ForkResult::Child = unsafe { fork() }? {
        for _ in 0..count {
            // SAFETY: as above.
            if let ForkResult::Child = unsafe { fork() }? {
                std::io::stdin().read_exact(&mut [0]).ok();
                std::process::exit(0);
            }
        }
        std::io::stdout().write_all(b"x")?;
        std::process::exit(0);
    }
    nix::sys::wait::wait()?;
    loop {
        nix::unistd::pause();
    }
}

/// From SIGTERM to the end.
pub(crate) fn end() -> Result<()> {
    let [ours, theirs] = each(|program| {
        let mut times = Vec::new();
        for _ in 0..20 {
            let mut child = Command::new("setpriv")
                .arg("--")
                .arg(program)
                .arg("-P")
                .spawn()?;
            sleep(Duration::from_millis(30));
            let begun = Instant::now();
            kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM)?;
            child.wait()?;
            times.push(begun.elapsed());
        }
        Ok(median(times))
    })?;
    limit("rpause: SIGTERM to the end", ours, Some(theirs), "ms", 10.0);
    row("  beside catatonit", ours, theirs, "ms", "-");
    Ok(())
}
