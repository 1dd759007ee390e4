//! All containers of a pod are frozen and thawed again.

use anyhow::Result;

use super::record::Pod;
use super::{Failures, status};
use crate::engine::container::pause as container;
use crate::engine::container::status::Status;
use crate::engine::{Context, event};

/// Freezes what runs, the infra container last.
pub fn pause(ctx: &Context, pod: &Pod) -> Result<Failures> {
    let _lock = pod.lock(ctx)?;
    let mut failures = Failures::new();
    for member in status::of(ctx, pod)?.into_iter().rev() {
        if member.status.is_running()
            && let Err(error) = container::pause(ctx, &member.container)
        {
            failures.push((member.container.id, error));
        }
    }
    event::pod(ctx, "pause", pod);
    Ok(failures)
}

/// Thaws what is paused.
pub fn unpause(ctx: &Context, pod: &Pod) -> Result<Failures> {
    let _lock = pod.lock(ctx)?;
    let mut failures = Failures::new();
    for member in status::of(ctx, pod)? {
        if matches!(member.status, Status::Paused(_))
            && let Err(error) = container::unpause(ctx, &member.container)
        {
            failures.push((member.container.id, error));
        }
    }
    event::pod(ctx, "unpause", pod);
    Ok(failures)
}
