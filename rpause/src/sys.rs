//! The few system calls that are needed, made directly.

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

/// Byte helpers that compile to loops: there is no libc to call.
pub(crate) mod bytes {
    pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
        a.len() == b.len() && starts_with(a, b)
    }

    pub(crate) fn starts_with(text: &[u8], start: &[u8]) -> bool {
        if text.len() < start.len() {
            return false;
        }
        for (i, byte) in start.iter().enumerate() {
            if text[i] != *byte {
                return false;
            }
        }
        true
    }

    /// Stores one byte; volatile, so that a loop over it stays a loop and does
    /// not become a call to memcpy.
    pub(crate) fn put(start: *mut u8, offset: usize, byte: u8) {
        // SAFETY: callers pass an offset inside the buffer at `start`.
        unsafe { start.add(offset).write_volatile(byte) }
    }
}

/// A NULL-terminated array of C strings, such as argv.
#[derive(Clone, Copy)]
pub struct Strings(*const *const u8);

impl Strings {
    /// # Safety
    /// `array` ends with NULL, its strings with NUL, and both live for the
    /// rest of the process.
    pub unsafe fn new(array: *const *const u8) -> Self {
        Self(array)
    }

    /// Strings made by std, which are never freed. One that holds a NUL is left
    /// out: no program could be given it.
    #[cfg(not(all(panic = "abort", not(test))))]
    pub fn leak(strings: impl Iterator<Item = Vec<u8>>) -> Self {
        let mut array: Vec<*const u8> = strings
            .filter_map(|string| std::ffi::CString::new(string).ok())
            .map(|string| string.into_raw().cast_const().cast())
            .collect();
        array.push(core::ptr::null());
        // SAFETY: the array is leaked, ends with NULL, and so do its strings.
        unsafe { Self::new(array.leak().as_ptr()) }
    }

    pub(crate) fn first(self) -> Option<&'static [u8]> {
        // SAFETY: the array has at least its terminator.
        let string = unsafe { *self.0 };
        if string.is_null() {
            return None;
        }
        let mut length = 0;
        // SAFETY: by the promise made to `new`.
        unsafe {
            while string.add(length).read_volatile() != 0 {
                length += 1;
            }
            Some(core::slice::from_raw_parts(string, length))
        }
    }

    /// Without its first string; an empty array stays empty.
    pub(crate) fn tail(self) -> Self {
        match self.first() {
            // SAFETY: the first entry is not the terminator.
            Some(_) => Self(unsafe { self.0.add(1) }),
            None => self,
        }
    }

    /// The value of `NAME=value` in an environment.
    pub(crate) fn value_of(self, name: &[u8]) -> Option<&'static [u8]> {
        let mut rest = self;
        while let Some(pair) = rest.first() {
            if bytes::starts_with(pair, name) && pair.get(name.len()) == Some(&b'=') {
                return pair.get(name.len() + 1..);
            }
            rest = rest.tail();
        }
        None
    }
}

#[cfg(target_arch = "x86_64")]
mod number {
    pub(super) const WRITE: usize = 1;
    pub(super) const RT_SIGACTION: usize = 13;
    pub(super) const RT_SIGPROCMASK: usize = 14;
    pub(super) const IOCTL: usize = 16;
    pub(super) const CLONE: usize = 56;
    pub(super) const EXECVE: usize = 59;
    pub(super) const WAIT4: usize = 61;
    pub(super) const KILL: usize = 62;
    pub(super) const SETPGID: usize = 109;
    pub(super) const GETPID: usize = 39;
    pub(super) const RT_SIGTIMEDWAIT: usize = 128;
    #[cfg(all(panic = "abort", not(test)))]
    pub(super) const EXIT_GROUP: usize = 231;
}

#[cfg(target_arch = "aarch64")]
mod number {
    pub(super) const IOCTL: usize = 29;
    pub(super) const WRITE: usize = 64;
    #[cfg(all(panic = "abort", not(test)))]
    pub(super) const EXIT_GROUP: usize = 94;
    pub(super) const KILL: usize = 129;
    pub(super) const RT_SIGACTION: usize = 134;
    pub(super) const RT_SIGPROCMASK: usize = 135;
    pub(super) const RT_SIGTIMEDWAIT: usize = 137;
    pub(super) const SETPGID: usize = 154;
    pub(super) const GETPID: usize = 172;
    pub(super) const CLONE: usize = 220;
    pub(super) const EXECVE: usize = 221;
    pub(super) const WAIT4: usize = 260;
}

#[cfg(target_arch = "x86_64")]
unsafe fn syscall(number: usize, a: usize, b: usize, c: usize, d: usize, e: usize) -> isize {
    let result;
    // SAFETY: the caller passes arguments that are valid for the call; the
    // kernel keeps all registers but those named.
    unsafe {
        core::arch::asm!("syscall", inlateout("rax") number => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

#[cfg(target_arch = "aarch64")]
unsafe fn syscall(number: usize, a: usize, b: usize, c: usize, d: usize, e: usize) -> isize {
    let result;
    // SAFETY: the caller passes arguments that are valid for the call; the
    // kernel keeps all registers but x0.
    unsafe {
        core::arch::asm!("svc 0", in("x8") number, inlateout("x0") a => result,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e, options(nostack));
    }
    result
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
pub(crate) fn exec(path: *const u8, argv: Strings, envp: Strings) {
    // SAFETY: `path` ends with NUL, both arrays with NULL.
    unsafe {
        syscall(
            number::EXECVE,
            path as usize,
            argv.0 as usize,
            envp.0 as usize,
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
