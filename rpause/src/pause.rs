//! Holding namespaces open.

use crate::sys::{self, signal};

/// Sleeps until SIGTERM or SIGINT and returns 0.
///
/// SIGCHLD is ignored, so the kernel itself reaps every orphan that the pod
/// leaves to its first process: however many there are, this never wakes up.
pub(crate) fn pause() -> i32 {
    // Blocked signals reach even the init of a pid namespace, whose default
    // actions the kernel would drop.
    let ends = signal::set(&[signal::TERM, signal::INT]);
    if sys::block(signal::ALL).is_err() || sys::ignore(signal::CHLD).is_err() {
        sys::complain(&[b"cannot set up signals"]);
        return 1;
    }
    loop {
        if matches!(sys::wait_signal(ends), Ok(signal::TERM | signal::INT)) {
            return 0;
        }
    }
}
