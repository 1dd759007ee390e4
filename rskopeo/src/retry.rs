//! Trying again what may fare better the next time.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::cli::Retry;
use crate::fatal;
use crate::registry::{Unavailable, is_transient, is_unreachable};

/// Runs `action` until it succeeds, fails for good, or has been tried often enough.
pub fn retrying<T>(retry: &Retry, mut action: impl FnMut() -> Result<T>) -> Result<T> {
    let mut attempt = 0;
    loop {
        match action() {
            Err(error) if attempt < retry.retry_times && is_passing(&error) => {
                let given = retry.retry_delay.map(|delay| delay.0);
                let delay = given
                    .filter(|delay| !delay.is_zero())
                    .unwrap_or(Duration::from_secs(1 << attempt.min(16)));
                attempt += 1;
                let of = retry.retry_times;
                fatal::warn(&format!(
                    "Failed, retrying in {delay:?} ... ({attempt}/{of}). Error: {error:#}"
                ));
                thread::sleep(delay);
            }
            done => return done,
        }
    }
}

/// Whether the network or the registry is to blame, and not the request. A registry that is not there may be starting.
pub fn is_passing(error: &anyhow::Error) -> bool {
    is_transient(error)
        || error.chain().any(|cause| {
            cause.downcast_ref().is_some_and(is_unreachable)
                || cause.is::<Unavailable>()
                || matches!(
                    cause.downcast_ref(),
                    Some(ureq::Error::HostNotFound | ureq::Error::ConnectionFailed)
                )
        })
}
