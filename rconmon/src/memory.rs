//! Keeping the monitor's memory small while its container just runs.
//!
//! Every byte here is held once a container, for months. Two things matter:
//! heap pages that are touched without need, and pages of the program itself
//! that only the start needed.
#![expect(
    unsafe_code,
    reason = "reads into memory not yet written; madvise on the program's own code"
)]

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;

/// A buffer whose pages are touched only as far as reads have filled it.
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    pub(crate) fn new(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Replaces the content by one read(2) from `fd`; the count of bytes.
    pub(crate) fn fill(&mut self, fd: impl AsFd) -> Result<usize, Errno> {
        self.0.clear();
        let room = self.0.spare_capacity_mut();
        // SAFETY: the memory is ours to write for all of its length.
        let result =
            unsafe { libc::read(fd.as_fd().as_raw_fd(), room.as_mut_ptr().cast(), room.len()) };
        let length = Errno::result(result)?.cast_unsigned();
        // SAFETY: read(2) has written that many bytes.
        unsafe { self.0.set_len(length) };
        Ok(length)
    }
}

#[cfg(target_feature = "crt-static")]
unsafe extern "C" {
    // The linker's names for the first byte of the program and the end of its code.
    static __executable_start: u8;
    static etext: u8;
}

/// Gives back the pages of code and constants that the start has touched: they
/// are read again from the page cache as they are needed, and an idle monitor
/// needs next to none. The system call goes through `syscall`, where the
/// monitor also sleeps, because the kernel maps code back 64 KiB at a time.
///
/// Only the static program does this. In a dynamic one the loader writes into
/// pages between these two names, and dropping those would lose what it wrote.
pub(crate) fn release_code() {
    #[cfg(target_feature = "crt-static")]
    {
        const PAGE: usize = 4096;
        let start = (&raw const __executable_start).addr();
        let end = (&raw const etext).addr() & !(PAGE - 1);
        // SAFETY: the range holds only constants and code, mapped from the
        // program's file and never written; what is dropped comes back from there
        // unchanged. Failure leaves the pages where they are.
        unsafe { libc::syscall(libc::SYS_madvise, start, end - start, libc::MADV_DONTNEED) };
    }
}
