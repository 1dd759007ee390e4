//! What was written, and what is being written.

use anyhow::{Result, bail};
use jiff::Timestamp;

use super::follow::Follow;
use super::journal::Journal;
use super::{Driver, Event, Filter};
use crate::engine::Context;

/// Which events are wanted.
#[derive(Debug, Default)]
pub struct Asked {
    pub filters: Vec<Filter>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Go on with what is written from now on.
    pub stream: bool,
}

impl Asked {
    fn takes(&self, event: &Event) -> bool {
        self.since.is_none_or(|since| event.time > since)
            && self.until.is_none_or(|until| event.time < until)
            && Filter::all_take(&self.filters, event)
    }

    /// Without a point in time, only what comes is told while it comes.
    fn is_of_the_past(&self) -> bool {
        self.since.is_some() || self.until.is_some() || !self.stream
    }
}

/// Hands on each event that was asked for.
pub fn read(
    ctx: &Context,
    asked: &Asked,
    mut tell: impl FnMut(&Event) -> Result<()>,
) -> Result<()> {
    match ctx.event_driver()? {
        Driver::None => bail!("cannot read events with the \"none\" backend"),
        Driver::File => {
            let mut log = Follow::open(&ctx.event_log(), asked.is_of_the_past())?;
            loop {
                while let Some(event) = log.next()? {
                    if asked.takes(&event) {
                        tell(&event)?;
                    }
                }
                if !asked.stream || !log.wait(asked.until)? {
                    return Ok(());
                }
            }
        }
        Driver::Journald => {
            // What is to end by itself does not follow.
            let ended = asked.until.is_some_and(|until| until <= Timestamp::now());
            let stream = asked.stream && !ended;
            let mut journal = Journal::open(asked.since, asked.is_of_the_past(), stream)?;
            while wait_for_line(&journal, asked.until.filter(|_| stream))? {
                let Some(event) = journal.next()? else {
                    break;
                };
                if asked.takes(&event) {
                    tell(&event)?;
                }
            }
            Ok(())
        }
    }
}

/// False when it is too late.
fn wait_for_line(journal: &Journal, until: Option<Timestamp>) -> Result<bool> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd as _;
    let Some(until) = until else {
        return Ok(true);
    };
    if !journal.lines.buffer().is_empty() {
        return Ok(true);
    }
    loop {
        let left = until.duration_since(Timestamp::now()).as_millis();
        if left <= 0 {
            return Ok(false);
        }
        let timeout = PollTimeout::try_from(left.min(3_600_000)).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(
            journal.lines.get_ref().as_fd(),
            PollFlags::POLLIN,
        )];
        match poll(&mut fds, timeout) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(errno) => return Err(errno.into()),
        }
    }
}
