//! Open files of the caller's that the process inside gets, too: podman-run(1), podman-exec(1).

use std::os::fd::RawFd;

use anyhow::Result;
use clap::Args;

use crate::monitor::descriptors::Preserved;

#[derive(Args, Debug)]
pub(in crate::cli) struct DescriptorOptions {
    /// Pass the file descriptors FD1, FD2, … into the container; numbers below that nobody has are /dev/null there
    #[arg(long, value_name = "FD", value_delimiter = ',', value_parser = clap::value_parser!(RawFd).range(3..))]
    preserve_fd: Vec<RawFd>,
    /// Pass N file descriptors (in addition to 0, 1, 2) into the container
    #[arg(long, value_name = "N", default_value_t = 0)]
    preserve_fds: u16,
}

impl DescriptorOptions {
    /// Before rpod has opened anything that stays open.
    pub(in crate::cli) fn preserve(&self) -> Result<Preserved> {
        Preserved::new(&self.preserve_fd, self.preserve_fds)
    }
}
