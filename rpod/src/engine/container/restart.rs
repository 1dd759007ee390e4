//! What happens when a container has ended by itself: podman-run(1), "--restart". The monitor's exit command asks.
//!
//! ```text
//! ROOT/containers/<id>/stopped     it was stopped, so it stays so; with the word `shutdown`, until the next boot
//! ROOT/containers/<id>/restarts    how often it was started again since a person started it
//! ```

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use super::record::{Container, Restart};
use super::start;
use super::status::Status;
use crate::engine::Context;
use crate::output::parse_number;
use crate::store::Noun;
use crate::store::directory::remove_if_there;
use crate::store::record::{Durability, replace};

const SHUTDOWN: &[u8] = b"shutdown";

/// `no`, `always`, `unless-stopped`, `on-failure[:N]`; `doing` stands before what is told of a policy that is none of them.
pub fn parse(text: &str, doing: &str) -> Result<Restart> {
    let (policy, retries) = match text.split_once(':') {
        Some(("on-failure", retries)) => ("on-failure", retries_of(retries)?),
        Some(_) => {
            bail!("restart policy retries can only be specified with on-failure restart policy")
        }
        None => (text, 0),
    };
    let policy = match policy {
        "" | "no" | "never" => "",
        "always" | "on-failure" | "unless-stopped" => policy,
        _ => bail!(
            "{doing}{policy:?} is not a valid restart policy: invalid argument: one of no, always, unless-stopped, on-failure[:N]"
        ),
    };
    Ok(Restart {
        policy: policy.to_owned(),
        retries,
    })
}

fn retries_of(text: &str) -> Result<u32> {
    if text.contains(':') {
        bail!("invalid restart policy: may specify retries at most once");
    }
    let retries: i64 = parse_number("Atoi", text).context("parsing restart policy retry count")?;
    u32::try_from(retries)
        .ok()
        .context("must specify restart policy retry count as a number greater than 0")
}

/// Who ends a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    Person,
    /// With the machine, or with all that it runs: the next boot may start it again.
    Shutdown,
}

/// Notes that the container is ended.
pub(super) fn note_stop(ctx: &Context, container: &Container, by: EndedBy) -> Result<()> {
    note_stop_locked(ctx, container, by)?;
    if !container.restart.policy.is_empty() {
        // A restart that looked before this was written is waited for.
        container.lock(ctx)?;
    }
    Ok(())
}

/// The same by whoever holds the container's lock: no restart looks meanwhile. Without a policy only `inspect` tells of it.
pub(super) fn note_stop_locked(ctx: &Context, container: &Container, by: EndedBy) -> Result<()> {
    let durability = match container.restart.policy.is_empty() {
        true if container.remove || by == EndedBy::Shutdown => return Ok(()),
        true => Durability::Process,
        false => Durability::Disk,
    };
    let word: &[u8] = match by {
        EndedBy::Person => b"",
        EndedBy::Shutdown => SHUTDOWN,
    };
    replace(&stopped(ctx, &container.id), word, durability)
}

/// A person started it: what was noted is history.
pub(super) fn forget(ctx: &Context, container: &Container) -> Result<()> {
    remove_if_there(&stopped(ctx, &container.id))?;
    match container.restart.policy.is_empty() {
        true => Ok(()),
        false => remove_if_there(&restarts(ctx, &container.id)),
    }
}

fn was_stopped(ctx: &Context, id: &str) -> bool {
    stopped(ctx, id).exists()
}

/// A person ended it.
pub(super) fn was_stopped_by_person(ctx: &Context, id: &str) -> bool {
    fs::read(stopped(ctx, id)).is_ok_and(|word| word != SHUTDOWN)
}

/// How often the policy started it again.
pub fn count(ctx: &Context, container: &Container) -> u32 {
    if container.restart.policy.is_empty() {
        return 0;
    }
    fs::read_to_string(restarts(ctx, &container.id))
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

/// Its policy wants it to be started again.
pub fn is_due(ctx: &Context, container: &Container) -> Result<bool> {
    if container.restart.policy.is_empty() {
        return Ok(false);
    }
    let Status::Exited(ended) = ctx.store.status(&container.id)? else {
        return Ok(false);
    };
    let retries = container.restart.retries;
    let failed = || ended.code != 0 && (retries == 0 || count(ctx, container) < retries);
    Ok((container.restart.policy != "on-failure" || failed()) && !was_stopped(ctx, &container.id))
}

/// Starts it again if its policy says so. True if it did.
pub fn again(ctx: &Context, container: &Container) -> Result<bool> {
    if !is_due(ctx, container)? {
        return Ok(false);
    }
    let before = count(ctx, container);
    let _lock = container.lock(ctx)?;
    let ended_still = matches!(ctx.store.status(&container.id)?, Status::Exited(_));
    if !ended_still || was_stopped(ctx, &container.id) {
        return Ok(false);
    }
    replace(
        &restarts(ctx, &container.id),
        (before + 1).to_string().as_bytes(),
        Durability::Process,
    )?;
    start::start_again(ctx, container).map(|()| true)
}

fn stopped(ctx: &Context, id: &str) -> PathBuf {
    ctx.store.home(Noun::Container, id).join("stopped")
}

fn restarts(ctx: &Context, id: &str) -> PathBuf {
    ctx.store.home(Noun::Container, id).join("restarts")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn policies() {
        assert_eq!(
            parse("on-failure:3", "").unwrap(),
            Restart {
                policy: "on-failure".into(),
                retries: 3
            }
        );
        assert_eq!(parse("no", "").unwrap(), Restart::default());
        assert!(
            parse("always:2", "").is_err()
                && parse("sometimes", "").is_err()
                && parse("on-failure:x", "").is_err()
        );
    }
}
