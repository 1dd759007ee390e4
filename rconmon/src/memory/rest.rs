//! A long wait, with next to nothing of the program in memory.
//!
//! Before it, all goes that comes back by itself when it is needed: free heap,
//! dead stack, and the pages of code and constants, which are read again from
//! the page cache. The kernel maps code back 64 KiB at a time, so that the
//! last step is taken together with the wait, in one short run of instructions
//! that lies in a mapping of its own: that much stays, and no more.
#![expect(
    unsafe_code,
    reason = "madvise on the program's own code and dead stack; two system calls in a row"
)]

use nix::errno::Errno;

const PAGE: usize = 4096;
/// Bytes of stack below which nothing was ever used.
const STACK: usize = 128 * PAGE;
/// Bytes of stack that the wait itself may need.
const FRAMES: usize = 4 * PAGE;

#[cfg(target_feature = "crt-static")]
unsafe extern "C" {
    // The linker's names for the first byte of the program and the end of its code.
    static __executable_start: u8;
    static etext: u8;
}

/// The pages of code and constants of a static program. In a dynamic one the
/// loader writes into pages between those two names, and dropping them would
/// lose what it wrote.
fn code() -> (usize, usize) {
    #[cfg(target_feature = "crt-static")]
    {
        let start = (&raw const __executable_start).addr() & !(PAGE - 1);
        let end = (&raw const etext).addr() & !(PAGE - 1);
        (start, end - start)
    }
    #[cfg(not(target_feature = "crt-static"))]
    (0, 0)
}

/// ppoll(2) without a signal mask, after giving back what can be given back.
pub(crate) fn wait(fds: &mut [libc::pollfd], timeout: *const libc::timespec) -> Result<(), Errno> {
    // SAFETY: takes no memory that is in use.
    unsafe { libc::malloc_trim(0) };
    drop_dead_stack();
    let code = code();
    split_off(wait_without_code);
    let result = wait_without_code(fds, timeout, code);
    match result {
        0.. => Ok(()),
        error => Err(Errno::from_raw(-error as i32)),
    }
}

#[inline(never)]
fn drop_dead_stack() {
    let here = 0u8;
    let end = ((&raw const here).addr() & !(PAGE - 1)) - FRAMES;
    // SAFETY: far below the stack pointer nothing is alive. Where the stack has
    // never reached there is nothing to drop, which is no failure for us.
    unsafe { libc::madvise((end - STACK) as *mut _, STACK, libc::MADV_DONTNEED) };
}

type Wait = fn(&mut [libc::pollfd], *const libc::timespec, (usize, usize)) -> isize;

/// Other advice for the pages of `wait` makes them a mapping of their own,
/// beyond which the kernel maps nothing when one of them is needed.
fn split_off(wait: Wait) {
    let start = (wait as usize) & !(PAGE - 1);
    // SAFETY: this advice is about reading ahead and changes no memory.
    unsafe { libc::madvise(start as *mut _, 2 * PAGE, libc::MADV_RANDOM) };
}

/// madvise(2) and ppoll(2), with nothing in between; the result of the latter.
///
/// What is dropped is only ever read, and comes back from the program's file
/// unchanged; failure leaves the pages where they are.
#[cfg(target_arch = "x86_64")]
#[inline(never)]
fn wait_without_code(
    fds: &mut [libc::pollfd],
    timeout: *const libc::timespec,
    code: (usize, usize),
) -> isize {
    let result;
    // SAFETY: the array is valid for its length, the time is null or valid, no
    // mask is passed; the kernel keeps all registers but those named.
    unsafe {
        core::arch::asm!(
            "syscall",
            "mov eax, {ppoll}",
            "mov rdi, {fds}",
            "mov rsi, {count}",
            "mov rdx, {timeout}",
            "xor r10d, r10d",
            "xor r8d, r8d",
            "syscall",
            ppoll = const libc::SYS_ppoll,
            fds = in(reg) fds.as_mut_ptr(),
            count = in(reg) fds.len(),
            timeout = in(reg) timeout,
            inlateout("rax") libc::SYS_madvise as isize => result,
            inlateout("rdi") code.0 => _,
            inlateout("rsi") code.1 => _,
            inlateout("rdx") libc::MADV_DONTNEED as usize => _,
            out("r10") _,
            out("r8") _,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    result
}

#[cfg(target_arch = "aarch64")]
#[inline(never)]
fn wait_without_code(
    fds: &mut [libc::pollfd],
    timeout: *const libc::timespec,
    code: (usize, usize),
) -> isize {
    let result;
    // SAFETY: as above.
    unsafe {
        core::arch::asm!(
            "svc 0",
            "mov x8, {ppoll}",
            "mov x0, {fds}",
            "mov x1, {count}",
            "mov x2, {timeout}",
            "mov x3, xzr",
            "mov x4, xzr",
            "svc 0",
            ppoll = const libc::SYS_ppoll,
            fds = in(reg) fds.as_mut_ptr(),
            count = in(reg) fds.len(),
            timeout = in(reg) timeout,
            inlateout("x8") libc::SYS_madvise as usize => _,
            inlateout("x0") code.0 => result,
            inlateout("x1") code.1 => _,
            inlateout("x2") libc::MADV_DONTNEED as usize => _,
            out("x3") _,
            out("x4") _,
            options(nostack),
        );
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_ends_with_its_time_or_with_an_event() {
        let time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 1_000_000,
        };
        assert_eq!(wait(&mut [], &raw const time), Ok(()));
        let mut fds = [libc::pollfd {
            fd: i32::MAX,
            events: libc::POLLIN,
            revents: 0,
        }];
        assert_eq!(wait(&mut fds, std::ptr::null()), Ok(()));
        assert_eq!(fds[0].revents, libc::POLLNVAL);
    }
}
