//! The log of a container, in CRI's form: `TIMESTAMP stdout|stderr F|P text`.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

use super::record::Container;
use super::wait::watch;
use crate::engine::Context;
use crate::systemd::journal::Journal;

/// Which lines, and how they are shown.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// The last lines only.
    pub tail: Option<usize>,
    pub timestamps: bool,
    /// Put before every line.
    pub prefix: String,
    /// The terminal's code for the colour of every line.
    pub colour: Option<&'static str>,
}

/// podman's colours, one container after the other.
pub const COLOURS: [&str; 7] = [
    "\x1b[37m", "\x1b[31m", "\x1b[33m", "\x1b[34m", "\x1b[35m", "\x1b[36m", "\x1b[32m",
];

/// One line of the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'a> {
    pub time: &'a str,
    pub stderr: bool,
    /// The text goes on in the next line of its stream.
    pub partial: bool,
    pub text: &'a str,
}

/// Nothing for what is no line of a log.
pub fn parse(line: &str) -> Option<Line<'_>> {
    let mut parts = line.splitn(4, ' ');
    let (time, stream, tag, text) = (
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next().unwrap_or(""),
    );
    let stderr = match stream {
        "stdout" => false,
        "stderr" => true,
        _ => return None,
    };
    Some(Line {
        time,
        stderr,
        partial: tag.split(':').next() == Some("P"),
        text,
    })
}

/// Prints the logs of one or more containers, one after the other. With `follow`, goes on with all of them at once until the
/// last has ended.
pub fn print(ctx: &Context, wanted: &[(Container, Options)], follow: bool) -> Result<()> {
    for (container, _) in wanted {
        refuse_unreadable(container)?;
    }
    let mut open = Vec::new();
    for (container, options) in wanted {
        if let Some(mut log) = Log::open(ctx, container, options)? {
            log.print()?;
            open.push(log);
        }
    }
    if follow {
        // A pod's infra container says nothing and outlives the others.
        if open.iter().any(|log| !log.container.infra) {
            open.retain(|log| !log.container.infra);
        }
        self::follow(ctx, open)?;
    }
    Ok(())
}

fn refuse_unreadable(container: &Container) -> Result<()> {
    if container.log_driver == "none" {
        bail!(
            "this container is using the 'none' log driver, cannot read logs: this container is not logging output"
        );
    }
    if container.log_driver.starts_with("passthrough") {
        bail!(
            "this container is using the '{}' log driver, cannot read logs: what it says goes where its caller's output goes",
            container.log_driver
        );
    }
    Ok(())
}

/// A log that is being read.
struct Log<'a> {
    container: &'a Container,
    options: &'a Options,
    source: Source,
}

enum Source {
    File {
        path: PathBuf,
        reader: BufReader<File>,
        /// The beginning of a line that is still being written.
        line: String,
    },
    Journal(Journal),
}

impl<'a> Log<'a> {
    /// Nothing for a container that never ran.
    fn open(ctx: &Context, container: &'a Container, options: &'a Options) -> Result<Option<Self>> {
        if container.log_driver == "journald" {
            return Ok(Some(Log {
                container,
                options,
                source: Source::Journal(Journal::open(&container.id)?),
            }));
        }
        let path = container.log_path(ctx);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("opening {}", path.display())),
        };
        Ok(Some(Log {
            container,
            options,
            source: Source::File {
                path,
                reader: BufReader::new(file),
                line: String::new(),
            },
        }))
    }

    /// Shows what is there.
    fn print(&mut self) -> Result<()> {
        let Some(count) = self.options.tail else {
            return self.go_on().map(drop);
        };
        let mut last: VecDeque<String> = VecDeque::new();
        while let Some(line) = self.source.next_line()? {
            last.push_back(line);
            // Parts of one line count as one.
            let whole = |line: &&String| parse(line).is_some_and(|line| !line.partial);
            while last.iter().filter(whole).count() > count {
                last.pop_front();
            }
        }
        last.iter().try_for_each(|line| show(line, self.options))
    }

    /// How long lines may still come that are to be shown.
    fn time_left(&self) -> Duration {
        let left = |until| Timestamp::now().duration_until(until);
        match self.options.until.map(left) {
            Some(left) => Duration::try_from(left).unwrap_or(Duration::ZERO),
            None => Duration::MAX,
        }
    }

    /// Shows what has come since; true if that is something.
    fn go_on(&mut self) -> Result<bool> {
        let mut any = false;
        while let Some(line) = self.source.next_line()? {
            show(&line, self.options)?;
            any = true;
        }
        Ok(any)
    }
}

impl Source {
    /// The next line that is whole, if there is one now.
    fn next_line(&mut self) -> Result<Option<String>> {
        match self {
            Source::Journal(journal) => journal.next_line(),
            Source::File { path, reader, line } => {
                let whole = read_line(reader, line, path)?;
                Ok(whole.then(|| std::mem::take(line)))
            }
        }
    }
}

/// Goes on until each container has ended, and then to the end of what it wrote.
fn follow(ctx: &Context, mut logs: Vec<Log>) -> Result<()> {
    const LOOK_AGAIN: Duration = Duration::from_secs(1);
    /// The journal wakes nobody here.
    const LOOK_AT_JOURNAL: Duration = Duration::from_millis(100);
    loop {
        // What is written later than it asks for is not waited for.
        logs.retain(|log| log.time_left() > Duration::ZERO);
        let Some(left) = logs.iter().map(Log::time_left).min() else {
            return Ok(());
        };
        let mut active = Vec::new();
        for log in &logs {
            active.push(ctx.store.status(&log.container.id)?.is_active());
        }
        let homes: Vec<_> = logs.iter().map(|log| log.container.home(ctx)).collect();
        let of_journal = logs
            .iter()
            .any(|log| matches!(log.source, Source::Journal(_)));
        let patience = if of_journal {
            LOOK_AT_JOURNAL
        } else if active.contains(&false) {
            Duration::from_millis(1)
        } else {
            LOOK_AGAIN
        };
        let more = watch(&homes, Some(patience.min(left)), || {
            let mut any = None;
            for log in &mut logs {
                if log.go_on()? {
                    any = Some(());
                }
            }
            Ok(any)
        })?;
        if more.is_none() {
            let mut active = active.into_iter();
            logs.retain(|_| active.next().unwrap_or_default());
        }
    }
}

/// A whole line. One that is still being written stays in `line` until it is whole.
fn read_line(reader: &mut BufReader<File>, line: &mut String, path: &Path) -> Result<bool> {
    let mut bytes = Vec::new();
    reader
        .read_until(b'\n', &mut bytes)
        .with_context(|| format!("reading {}", path.display()))?;
    line.push_str(&String::from_utf8_lossy(&bytes));
    Ok(line.ends_with('\n'))
}

fn show(line: &str, options: &Options) -> Result<()> {
    let Some(line) = parse(line.strip_suffix('\n').unwrap_or(line)) else {
        return Ok(());
    };
    if options.since.is_some() || options.until.is_some() {
        let Ok(time) = line.time.parse::<Timestamp>() else {
            return Ok(());
        };
        if options.since.is_some_and(|since| time < since)
            || options.until.is_some_and(|until| time > until)
        {
            return Ok(());
        }
    }
    let mut text = options.colour.unwrap_or_default().to_owned();
    text.push_str(&options.prefix);
    if options.timestamps {
        text.push_str(line.time);
        text.push(' ');
    }
    text.push_str(line.text);
    if options.colour.is_some() {
        text.push_str("\x1b[0m");
    }
    if !line.partial {
        text.push('\n');
    }
    let mut out: Box<dyn Write> = if line.stderr {
        Box::new(std::io::stderr().lock())
    } else {
        Box::new(std::io::stdout().lock())
    };
    out.write_all(text.as_bytes()).context("writing the log")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line() {
        let line = parse("2026-01-01T00:00:00.1+00:00 stderr F two words").unwrap();
        assert_eq!(
            line,
            Line {
                time: "2026-01-01T00:00:00.1+00:00",
                stderr: true,
                partial: false,
                text: "two words"
            }
        );
        assert!(parse("x stdout P a").unwrap().partial);
        assert_eq!(parse("garbage"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(line in ".*") {
            let _ = parse(&line);
        }
    }
}
