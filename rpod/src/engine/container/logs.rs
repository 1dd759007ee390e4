//! The log of a container, in CRI's form: `TIMESTAMP stdout|stderr F|P text`.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

use super::record::Container;
use super::wait::watch;
use crate::engine::Context;

/// Which lines, and how they are shown.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub follow: bool,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// The last lines only.
    pub tail: Option<usize>,
    pub timestamps: bool,
    /// Put before every line.
    pub prefix: String,
}

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

/// Prints the log.
pub fn print(ctx: &Context, container: &Container, options: &Options) -> Result<()> {
    if container.log_driver == "none" {
        bail!(
            "this container is using the 'none' log driver, cannot read logs: this container is not logging output"
        );
    }
    if container.log_driver == "journald" {
        bail!(
            "the log of container {} is in the journal: read it with journalctl CONTAINER_ID_FULL={}",
            container.name,
            container.id
        );
    }
    let path = container.log_path(ctx);
    let file = match File::open(&path) {
        Ok(file) => file,
        // It never ran.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("opening {}", path.display())),
    };
    let mut reader = BufReader::new(file);
    let mut last: VecDeque<String> = VecDeque::new();
    let mut line = String::new();
    while read_line(&mut reader, &mut line, &path)? {
        match options.tail {
            None => show(&line, options)?,
            Some(count) => {
                last.push_back(std::mem::take(&mut line));
                // Parts of one line count as one.
                while last
                    .iter()
                    .filter(|line| parse(line).is_some_and(|line| !line.partial))
                    .count()
                    > count
                {
                    last.pop_front();
                }
            }
        }
        line.clear();
    }
    for line in &last {
        show(line, options)?;
    }
    if options.follow {
        follow(ctx, container, &path, reader, options)
    } else {
        Ok(())
    }
}

/// Goes on until the container ends, and then to the end of what it wrote.
fn follow(
    ctx: &Context,
    container: &Container,
    path: &Path,
    mut reader: BufReader<File>,
    options: &Options,
) -> Result<()> {
    let mut line = String::new();
    loop {
        let running = ctx.store.status(&container.id)?.is_active();
        let more = watch(
            &container.home(ctx),
            Some(std::time::Duration::from_millis(if running {
                1000
            } else {
                1
            })),
            || {
                let mut any = None;
                while read_line(&mut reader, &mut line, path)? {
                    show(&line, options)?;
                    line.clear();
                    any = Some(());
                }
                Ok(any)
            },
        )?;
        if more.is_none() && !running {
            return Ok(());
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
    let mut text = options.prefix.clone();
    if options.timestamps {
        text.push_str(line.time);
        text.push(' ');
    }
    text.push_str(line.text);
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
