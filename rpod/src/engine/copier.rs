//! rskopeo at work: it moves all bytes of images and artifacts.

use std::io::{BufRead as _, BufReader, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::config::find_part;
use crate::output::log;

pub fn rskopeo() -> Result<Command> {
    let mut command = Command::new(find_part(&[], &["rskopeo"])?);
    let rpod = nix::unistd::getpid();
    let end_with_rpod = move || {
        // A copy that nobody waits for would go on filling the store, and keep it from being swept.
        // SAFETY: prctl(PR_SET_PDEATHSIG) takes plain numbers and changes this process alone.
        nix::errno::Errno::result(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) })?;
        if nix::unistd::getppid() == rpod {
            Ok(())
        } else {
            Err(std::io::ErrorKind::Interrupted.into())
        }
    };
    // SAFETY: the closure runs between fork and exec; it makes two system calls and allocates nothing.
    unsafe { std::os::unix::process::CommandExt::pre_exec(&mut command, end_with_rpod) };
    Ok(command)
}

/// Run it, its progress on standard error, its last words as the error. Warnings are told even where nothing else is.
pub fn run(command: Command, quiet: bool) -> Result<()> {
    run_with(command, quiet, &mut |line| eprintln!("{line}"))
}

/// The same with its progress on standard output, where podman's artifacts have it.
pub fn run_telling(command: Command, quiet: bool) -> Result<()> {
    run_with(command, quiet, &mut |line| match is_warning(line) {
        true => eprintln!("{line}"),
        false => println!("{line}"),
    })
}

fn run_with(mut command: Command, quiet: bool, tell: &mut dyn FnMut(&str)) -> Result<()> {
    log::starting(&command);
    let program = command.get_program().to_string_lossy().into_owned();
    let starting = || format!("starting {program}");
    let stderr = std::io::stderr();
    if !quiet && stderr.is_terminal() {
        let out = stderr
            .as_fd()
            .try_clone_to_owned()
            .context("duplicating standard error")?;
        let status = command.stdout(out).status().with_context(starting)?;
        return if status.success() {
            Ok(())
        } else {
            bail!("rskopeo ended with {status}")
        };
    }
    // Both streams in one pipe, so that the last line is the last thing said.
    let (reader, writer) = std::io::pipe().context("making a pipe")?;
    command
        .stdout(Stdio::from(
            writer.try_clone().context("duplicating a pipe")?,
        ))
        .stderr(Stdio::from(writer));
    let mut child = command.spawn().with_context(starting)?;
    drop(command);
    let mut last = String::new();
    for line in BufReader::new(reader).lines() {
        let line = line.with_context(|| format!("reading what {program} says"))?;
        if !last.is_empty() && (!quiet || is_warning(&last)) {
            tell(&last);
        }
        last = line;
    }
    let status = child
        .wait()
        .with_context(|| format!("waiting for {program}"))?;
    if !status.success() {
        bail!(
            "{}",
            if last.is_empty() {
                format!("rskopeo ended with {status}")
            } else {
                cause(&last)
            }
        );
    }
    if !last.is_empty() && (!quiet || is_warning(&last)) {
        tell(&last);
    }
    Ok(())
}

fn is_warning(line: &str) -> bool {
    line.starts_with("time=") && line.contains(" level=warning ")
}

/// Run it for what it prints; its last words are the error.
pub fn output_of(mut command: Command) -> Result<Vec<u8>> {
    log::starting(&command);
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("starting {program}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    match said.lines().last() {
        Some(line) => bail!("{}", cause(line)),
        None => bail!("rskopeo ended with {}", output.status),
    }
}

/// The message without what marks it as an error.
fn cause(line: &str) -> String {
    let line = line.strip_prefix("Error: ").unwrap_or(line);
    let line = match line.strip_prefix("FATA[") {
        Some(rest) => rest.split_once("] ").map_or(rest, |(_, message)| message),
        None => line,
    };
    match line
        .strip_prefix("time=")
        .and_then(|rest| rest.split_once("msg=\""))
    {
        Some((_, message)) => message.trim_end_matches('"').replace("\\\"", "\""),
        None => line.to_owned(),
    }
}
