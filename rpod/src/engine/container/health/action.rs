//! What is done with a container that is not well.

use anyhow::{Context as _, Result};

use super::settings::OnFailure;
use super::verdict::Judged;
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::container::restart::EndedBy;
use crate::engine::container::{start, stop};

pub(super) fn take(ctx: &Context, container: &Container, judged: &Judged) -> Result<()> {
    if judged.gives_up {
        return start::restart(ctx, container, container.stop_timeout).with_context(|| {
            format!(
                "restarting container {} after its startup healthcheck failed",
                container.id
            )
        });
    }
    if judged.status != "unhealthy" {
        return Ok(());
    }
    let done = match container.health.on_failure {
        OnFailure::None => Ok(()),
        OnFailure::Kill => stop::kill(ctx, container, libc::SIGKILL),
        OnFailure::Stop => {
            stop::stop(ctx, container, container.stop_timeout, EndedBy::Person).map(drop)
        }
        // A healthy life begins anew: what was counted was the other's.
        OnFailure::Restart => {
            super::forget_streak(ctx, container)?;
            start::restart(ctx, container, container.stop_timeout)
        }
    };
    done.with_context(|| {
        format!(
            "container {} is unhealthy, but cannot be told to {}",
            container.id,
            container.health.on_failure.word()
        )
    })
}
