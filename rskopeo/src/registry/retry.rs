//! When a request is worth another try, and how long to wait before it.

use std::io::{self, ErrorKind};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use ureq::Body;
use ureq::http::Response;

/// As often as skopeo tries when it is told to slow down.
const WHEN_BUSY: u32 = 5;
const WHEN_BROKEN: u32 = 3;
const LONGEST: Duration = Duration::from_secs(60);

const BUSY_DELAY: Duration = Duration::from_millis(if cfg!(test) { 2 } else { 2000 });
const BROKEN_DELAY: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 500 });

/// Sends by `attempt` until the answer is no invitation to try again. `reached`: this registry has answered before, so that a
/// broken connection is more likely an accident than its nature.
pub fn until_settled(
    reached: bool,
    mut attempt: impl FnMut() -> Result<Response<Body>>,
) -> Result<Response<Body>> {
    let mut tries = 0;
    loop {
        let answer = attempt();
        tries += 1;
        let Some(delay) = pause(&answer, tries, reached) else {
            return answer;
        };
        thread::sleep(delay);
    }
}

/// None when the answer stands.
fn pause(answer: &Result<Response<Body>>, tries: u32, reached: bool) -> Option<Duration> {
    let (limit, first) = match answer {
        Ok(response) => match response.status().as_u16() {
            429 => (WHEN_BUSY, BUSY_DELAY),
            500 | 502 | 503 | 504 => (WHEN_BROKEN, BROKEN_DELAY),
            _ => return None,
        },
        Err(error) if reached && is_transient(error) => (WHEN_BROKEN, BROKEN_DELAY),
        Err(_) => return None,
    };
    if tries >= limit {
        return None;
    }
    let asked = answer.as_ref().ok().and_then(retry_after);
    let grown = first.saturating_mul(1 << (tries - 1));
    Some(asked.unwrap_or(grown).min(LONGEST))
}

/// The wait before the `tries`th time that a download is taken up again.
pub fn before_resuming(tries: u32) -> Duration {
    BROKEN_DELAY.saturating_mul(1 << tries.min(6)).min(LONGEST)
}

/// Whether a connection broke that may well hold next time.
pub fn is_transient(error: &anyhow::Error) -> bool {
    let by_io = |error: &io::Error| {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        matches!(inner, Some(ureq::Error::Timeout(_)))
            || matches!(
                error.kind(),
                ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe
                    | ErrorKind::UnexpectedEof
                    | ErrorKind::TimedOut
            )
    };
    error.chain().any(|cause| {
        cause.downcast_ref().is_some_and(by_io)
            || matches!(cause.downcast_ref(), Some(ureq::Error::Timeout(_)))
    })
}

/// Seconds, or a date (RFC 9110 section 10.2.3).
fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let text = response.headers().get("Retry-After")?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    let now = jiff::Timestamp::try_from(SystemTime::now()).ok()?;
    let left = date.timestamp().as_second().saturating_sub(now.as_second());
    u64::try_from(left).ok().map(Duration::from_secs)
}
