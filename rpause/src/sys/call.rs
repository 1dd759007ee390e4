//! The instruction by which the kernel is called, and the numbers of its calls.

#[cfg(target_arch = "x86_64")]
pub(super) mod number {
    pub(crate) const WRITE: usize = 1;
    pub(crate) const RT_SIGACTION: usize = 13;
    pub(crate) const RT_SIGPROCMASK: usize = 14;
    pub(crate) const IOCTL: usize = 16;
    pub(crate) const CLONE: usize = 56;
    pub(crate) const EXECVE: usize = 59;
    pub(crate) const WAIT4: usize = 61;
    pub(crate) const KILL: usize = 62;
    pub(crate) const SETPGID: usize = 109;
    pub(crate) const GETPID: usize = 39;
    pub(crate) const RT_SIGTIMEDWAIT: usize = 128;
    #[cfg(all(panic = "abort", not(test)))]
    pub(crate) const EXIT_GROUP: usize = 231;
}

#[cfg(target_arch = "aarch64")]
pub(super) mod number {
    pub(crate) const IOCTL: usize = 29;
    pub(crate) const WRITE: usize = 64;
    #[cfg(all(panic = "abort", not(test)))]
    pub(crate) const EXIT_GROUP: usize = 94;
    pub(crate) const KILL: usize = 129;
    pub(crate) const RT_SIGACTION: usize = 134;
    pub(crate) const RT_SIGPROCMASK: usize = 135;
    pub(crate) const RT_SIGTIMEDWAIT: usize = 137;
    pub(crate) const SETPGID: usize = 154;
    pub(crate) const GETPID: usize = 172;
    pub(crate) const CLONE: usize = 220;
    pub(crate) const EXECVE: usize = 221;
    pub(crate) const WAIT4: usize = 260;
}

/// The result is the kernel's: below zero, an errno.
///
/// # Safety
/// The arguments are valid for the call of this number.
pub(super) unsafe fn syscall(
    number: usize,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
) -> isize {
    let result;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller passes arguments that are valid for the call; the
    // kernel keeps all registers but those named.
    unsafe {
        core::arch::asm!("syscall", inlateout("rax") number => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the caller passes arguments that are valid for the call; the
    // kernel keeps all registers but x0.
    unsafe {
        core::arch::asm!("svc 0", in("x8") number, inlateout("x0") a => result,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e, options(nostack));
    }
    result
}
