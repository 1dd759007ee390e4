//! Keeping the monitor's memory small while its container just runs.
//!
//! Every byte here is held once a container, for months. Two things matter:
//! heap pages that are touched without need, and what only the start needed:
//! see [`rest`].
#![expect(unsafe_code, reason = "reads into memory not yet written")]

pub(crate) mod rest;

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;

/// A buffer whose pages are touched only as far as reads have filled it.
pub(crate) struct Buffer {
    content: Vec<u8>,
    capacity: usize,
}

impl Buffer {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            content: Vec::new(),
            capacity,
        }
    }

    /// Gives the memory back if there is nothing in it.
    pub(crate) fn release(&mut self) {
        if self.content.is_empty() {
            self.content = Vec::new();
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.content
    }

    pub(crate) fn clear(&mut self) {
        self.content.clear();
    }

    /// Replaces the content by one read(2) from `fd`; the count of bytes.
    pub(crate) fn fill(&mut self, fd: impl AsFd) -> Result<usize, Errno> {
        self.content.clear();
        self.content.reserve_exact(self.capacity);
        let room = self.content.spare_capacity_mut();
        // SAFETY: the memory is ours to write for all of its length.
        let result =
            unsafe { libc::read(fd.as_fd().as_raw_fd(), room.as_mut_ptr().cast(), room.len()) };
        let length = Errno::result(result)?.cast_unsigned();
        // SAFETY: read(2) has written that many bytes.
        unsafe { self.content.set_len(length) };
        Ok(length)
    }
}
