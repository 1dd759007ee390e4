//! `rpod stop`: podman-stop(1).

use anyhow::{Result, bail};
use clap::Args;

use super::selection::Selection;
use super::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::restart::EndedBy;
use crate::engine::container::stop;
use crate::engine::pod;

#[derive(Args, Debug)]
pub struct Stop {
    /// Filter output based on conditions given
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Ignore errors when a specified container is missing
    #[arg(short, long)]
    ignore: bool,
    /// Let the next boot start containers whose restart policy is unless-stopped
    #[arg(long, hide = true)]
    service: bool,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    selection: Selection,
}

impl Verb for Stop {
    const NAME: &'static str = "stop";
    const ABOUT: &'static str = "Stop one or more containers";

    fn call(mut self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        self.selection.filter = self.filter;
        self.selection.ignore = self.ignore;
        let timeout = self.patience.seconds();
        let by = if self.service {
            EndedBy::Shutdown
        } else {
            EndedBy::Person
        };
        let chosen = self.selection.choose(&ctx)?;
        let containers: Vec<_> = chosen.iter().map(|one| &one.container).collect();
        let mut code = 0;
        stop::stop_all(&ctx, &containers, timeout, by, |place, ended| {
            let ended = ended.and_then(|stopped| match stopped {
                true => pod::stop::after_exit(&ctx, containers[place]),
                false => Ok(()),
            });
            match ended {
                Ok(()) => println!("{}", chosen[place].word),
                Err(error) => code = super::tell(&error),
            }
        });
        Ok(code)
    }
}

/// How long a container has to end by itself.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Seconds to wait for stop before killing the container: -1 to wait for ever
    #[arg(short, long, alias = "timeout", value_name = "SECONDS")]
    time: Option<i64>,
}

impl Patience {
    /// Who removes has to say that it may be ended.
    pub(super) fn needs_force(self, force: bool) -> Result<()> {
        if self.time.is_some() && !force {
            bail!("--force option must be specified to use the --time option");
        }
        Ok(())
    }

    /// Less than none is no end of waiting; nothing is the container's own time.
    pub(super) fn seconds(self) -> Option<u64> {
        let time = self.time;
        time.map(|time| u64::try_from(time).unwrap_or(stop::FOR_EVER))
    }
}
