//! The few system calls that are needed, made directly.

mod call;

use call::{number, syscall};

use crate::strings::Strings;

/// Standard output.
pub(crate) const STDOUT: i32 = 1;
const STDERR: i32 = 2;

/// Signal numbers and sets (bit n-1 stands for signal n), as the kernel's ABI
/// has them on every architecture supported here.
pub(crate) mod signal {
    pub(crate) const INT: i32 = 2;
    pub(crate) const TERM: i32 = 15;
    pub(crate) const CHLD: i32 = 17;
    pub(crate) const ALL: u64 = !0;

    pub(crate) const fn set(numbers: &[i32]) -> u64 {
        let mut set = 0;
        let mut i = 0;
        while i < numbers.len() {
            set |= 1 << (numbers[i] - 1);
            i += 1;
        }
        set
    }
}

/// An errno.
pub(crate) struct Errno;

fn check(result: isize) -> Result<isize, Errno> {
    if result < 0 { Err(Errno) } else { Ok(result) }
}

const SET_SIZE: usize = size_of::<u64>();
const SIG_BLOCK: usize = 0;
const SIG_SETMASK: usize = 2;

/// Blocks the signals of `set`; the mask as it was.
pub(crate) fn block(set: u64) -> Result<u64, Errno> {
    let mut before = 0u64;
    // SAFETY: both sets are valid for SET_SIZE bytes.
    let result = unsafe {
        syscall(
            number::RT_SIGPROCMASK,
            SIG_BLOCK,
            &raw const set as usize,
            &raw mut before as usize,
            SET_SIZE,
            0,
        )
    };
    check(result).map(|_| before)
}

/// Makes `mask` the signal mask.
pub(crate) fn unblock_to(mask: u64) -> Result<(), Errno> {
    // SAFETY: the set is valid for SET_SIZE bytes.
    let result = unsafe {
        syscall(
            number::RT_SIGPROCMASK,
            SIG_SETMASK,
            &raw const mask as usize,
            0,
            SET_SIZE,
            0,
        )
    };
    check(result).map(|_| ())
}

/// Ignores a signal; for SIGCHLD, children are then reaped by the kernel.
pub(crate) fn ignore(number: i32) -> Result<(), Errno> {
    const SIG_IGN: u64 = 1;
    // handler, flags, restorer, mask: the kernel's struct sigaction.
    let action: [u64; 4] = [SIG_IGN, 0, 0, 0];
    // SAFETY: `action` has the kernel's layout.
    let result = unsafe {
        syscall(
            number::RT_SIGACTION,
            number as usize,
            &raw const action as usize,
            0,
            SET_SIZE,
            0,
        )
    };
    check(result).map(|_| ())
}

/// Sleeps until one of the blocked signals of `set` is there, and takes it.
pub(crate) fn wait_signal(set: u64) -> Result<i32, Errno> {
    // SAFETY: the set is valid; neither details nor a timeout are asked for.
    let result = unsafe {
        syscall(
            number::RT_SIGTIMEDWAIT,
            &raw const set as usize,
            0,
            0,
            SET_SIZE,
            0,
        )
    };
    check(result).map(|signal| signal as i32)
}

/// The two sides of a fork.
pub(crate) enum Fork {
    Parent(i32),
    Child,
}

pub(crate) fn fork() -> Result<Fork, Errno> {
    // SAFETY: a plain fork: SIGCHLD at the end, no shared memory, same stack.
    let result = unsafe { syscall(number::CLONE, signal::CHLD as usize, 0, 0, 0, 0) };
    Ok(match check(result)? {
        0 => Fork::Child,
        pid => Fork::Parent(pid as i32),
    })
}

/// Leaves the parent's process group and takes the terminal on standard input
/// along, if there is one. Signals must be blocked: the terminal answers a
/// background process with SIGTTOU.
pub(crate) fn own_process_group() {
    const TIOCSPGRP: usize = 0x5410;
    // SAFETY: plain integers, and a pid that outlives the call. Without a
    // terminal the ioctl fails, and there is nothing to hand over.
    unsafe {
        syscall(number::SETPGID, 0, 0, 0, 0, 0);
        let group = syscall(number::GETPID, 0, 0, 0, 0, 0) as i32;
        syscall(number::IOCTL, 0, TIOCSPGRP, &raw const group as usize, 0, 0);
    }
}

/// Returns only on failure.
///
/// # Safety
/// `path` ends with NUL.
pub(crate) unsafe fn exec(path: *const u8, argv: Strings, envp: Strings) {
    // SAFETY: the caller's promise for `path`; both arrays end with NULL, and
    // their strings with NUL.
    unsafe {
        syscall(
            number::EXECVE,
            path as usize,
            argv.as_ptr() as usize,
            envp.as_ptr() as usize,
            0,
            0,
        );
    }
}

/// Pid and wait status of one child that has ended, if there is one.
pub(crate) fn reap_one() -> Option<(i32, i32)> {
    const WNOHANG: usize = 1;
    let mut status = 0i32;
    // SAFETY: `status` is valid for the call.
    let pid = unsafe {
        syscall(
            number::WAIT4,
            usize::MAX,
            &raw mut status as usize,
            WNOHANG,
            0,
            0,
        )
    };
    (pid > 0).then_some((pid as i32, status))
}

/// Sends a signal; a target that is gone is no error.
pub(crate) fn kill(target: i32, signal: i32) {
    // SAFETY: plain integers.
    unsafe { syscall(number::KILL, target as usize, signal as usize, 0, 0, 0) };
}

/// Writes all of `text`; false on any error.
pub(crate) fn write(fd: i32, text: &[u8]) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        // SAFETY: `rest` is valid for its length.
        let written = unsafe {
            syscall(
                number::WRITE,
                fd as usize,
                rest.as_ptr() as usize,
                rest.len(),
                0,
                0,
            )
        };
        match rest.get(written as usize..) {
            Some(left) if written > 0 => rest = left,
            _ => return false,
        }
    }
    true
}

/// One line on standard error.
pub(crate) fn complain(parts: &[&[u8]]) {
    // Nothing is left to do where even standard error is closed.
    write(STDERR, b"rpause: ");
    for part in parts {
        write(STDERR, part);
    }
    write(STDERR, b"\n");
}

/// Ends the process.
#[cfg(all(panic = "abort", not(test)))]
pub fn exit(code: i32) -> ! {
    loop {
        // SAFETY: plain integers; does not return.
        unsafe { syscall(number::EXIT_GROUP, code as usize, 0, 0, 0, 0) };
    }
}
