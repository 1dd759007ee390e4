//! What one check makes of what was known before.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::settings::{Settings, StartupCheck};
use super::{Check, History, Outcome, history, save};
use crate::engine::container::record::Container;
use crate::engine::{Context, event};
use crate::store::record::{self, Durability};

/// How far the start-up check of this run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Startup {
    pub passed: bool,
    successes: u32,
    failures: u32,
}

#[derive(Debug)]
pub(super) struct Judged {
    pub outcome: Outcome,
    /// The container's health from now on.
    pub status: String,
    /// The start-up check has failed as often as it may.
    pub gives_up: bool,
    /// It has succeeded as often as it has to, now.
    pub has_started_up: bool,
}

pub(super) fn startup(ctx: &Context, container: &Container) -> Result<Startup> {
    let path = container.run_dir(ctx).join("startup.json");
    Ok(record::load_if_there(&path)?.unwrap_or_default())
}

/// Writes down the check and what follows from it.
pub(super) fn judge(
    ctx: &Context,
    container: &Container,
    check: Check,
    in_start_period: bool,
) -> Result<Judged> {
    // A check that a person asks for may end at the same time as the one that was due.
    let _lock = container.lock(ctx)?;
    let settings = &container.health;
    let passes = check.exit_code == 0;
    let mut outcome = if passes {
        Outcome::Healthy
    } else {
        Outcome::Unhealthy
    };
    let before = startup(ctx, container)?;
    let own = settings.startup.as_ref().filter(|_| !before.passed);
    let (mut gives_up, mut has_started_up) = (false, false);
    if let Some(own) = own {
        let after = count(own, before, passes);
        has_started_up = after.passed;
        gives_up = own.retries > 0 && after.failures >= own.retries;
        if !passes {
            outcome = Outcome::Starting;
        }
        let path = container.run_dir(ctx).join("startup.json");
        record::save(&path, &after, Durability::Process)?;
    }
    let history = add(
        history(ctx, container)?,
        settings,
        check,
        in_start_period || own.is_some(),
    );
    save(ctx, container, &history)?;
    event::health(ctx, container, &history);
    Ok(Judged {
        outcome,
        status: history.status,
        gives_up,
        has_started_up,
    })
}

fn count(own: &StartupCheck, mut startup: Startup, passes: bool) -> Startup {
    if !passes {
        startup.failures += 1;
        return startup;
    }
    startup.successes += 1;
    if startup.successes >= own.successes {
        return Startup {
            passed: true,
            ..Startup::default()
        };
    }
    startup
}

/// The history with one check more. While the container is still starting, failures do not count.
fn add(mut history: History, settings: &Settings, check: Check, starting: bool) -> History {
    if check.exit_code == 0 {
        "healthy".clone_into(&mut history.status);
        history.failing_streak = 0;
    } else {
        if history.status.is_empty() {
            "healthy".clone_into(&mut history.status);
        }
        if !starting {
            history.failing_streak += 1;
            if history.failing_streak >= settings.retries {
                "unhealthy".clone_into(&mut history.status);
            }
        }
    }
    history.log.push(check);
    let kept = settings.log_count as usize;
    if kept > 0 && history.log.len() > kept {
        history.log.drain(..history.log.len() - kept);
    }
    history
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(exit_code: i32) -> Check {
        Check {
            exit_code,
            ..Check::default()
        }
    }

    #[test]
    fn so_many_failures_in_a_row_are_unhealthy() {
        let settings = Settings {
            retries: 2,
            log_count: 2,
            ..Settings::default()
        };
        let after = |codes: &[i32], starting| {
            codes.iter().fold(History::default(), |history, code| {
                add(history, &settings, check(*code), starting)
            })
        };
        assert_eq!(after(&[1], false).status, "healthy");
        assert_eq!(after(&[1, 1], false).status, "unhealthy");
        assert_eq!(after(&[1, 0, 1], false).failing_streak, 1);
        assert_eq!(after(&[1, 1, 1], true).failing_streak, 0);
        assert_eq!(after(&[1, 1, 0], false).status, "healthy");
        assert_eq!(after(&[1, 0, 1], false).log, [check(0), check(1)]);
    }

    #[test]
    fn a_start_takes_as_many_successes_as_asked() {
        let own = StartupCheck {
            successes: 2,
            ..StartupCheck::default()
        };
        let once = count(&own, Startup::default(), true);
        assert!(!once.passed && count(&own, once, true).passed);
        let none = StartupCheck::default();
        assert!(count(&none, Startup::default(), true).passed);
    }
}
