//! What the kernel tells of a process: proc_pid_stat(5), proc_pid_cmdline(5).

use std::ffi::OsStr;
use std::fs;
use std::str::SplitAsciiWhitespace;

/// Start time of a process in clock ticks after boot; nothing if it is gone or only waits to be reaped.
pub fn start_ticks(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = after_name(&stat)?;
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Whether a process is on its way out. The first of a PID namespace goes after all others of it have gone.
pub fn is_ending(pid: i32) -> bool {
    const PF_EXITING: u32 = 4;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let flags = after_name(&stat).and_then(|mut fields| fields.nth(6)?.parse::<u32>().ok());
    flags.is_none_or(|flags| flags & PF_EXITING != 0)
}

/// The fields of /proc/PID/stat from the third on (proc_pid_stat(5)): the command's name stands in parentheses and may hold anything.
fn after_name(stat: &str) -> Option<SplitAsciiWhitespace<'_>> {
    Some(stat.get(stat.rfind(')')? + 2..)?.split_ascii_whitespace())
}

/// Whether a word of its command line is this one. It has none any more when it only waits to be reaped.
pub fn has_argument(pid: i32, argument: &OsStr) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0)
        .any(|word| word == argument.as_encoded_bytes())
}
