//! `create` and `run`.

use std::path::PathBuf;

use clap::Args;

/// What `create` and `run` share.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Directory of config.json and the root filesystem [default: .]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) bundle: Option<PathBuf>,
    /// Unix socket that receives the terminal
    #[arg(long, value_name = "SOCKET")]
    pub(crate) console_socket: Option<PathBuf>,
    /// Unix socket that receives a pidfd of the process
    #[arg(long, value_name = "SOCKET")]
    pub(crate) pidfd_socket: Option<PathBuf>,
    /// File to write the process id to
    #[arg(long, value_name = "FILE")]
    pub(crate) pid_file: Option<PathBuf>,
    /// Do not use pivot_root (for a root filesystem on initramfs)
    #[arg(long)]
    pub(crate) no_pivot: bool,
    /// Keep the caller's session keyring
    #[arg(long)]
    pub(crate) no_new_keyring: bool,
    /// Pass on this many descriptors after stdio
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) preserve_fds: u32,
    /// Name of the container
    #[arg(value_name = "CONTAINER-ID")]
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) create: Create,
    /// Do not wait for the process
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Do not delete the container when its process ends
    #[arg(long)]
    pub(crate) keep: bool,
    /// Do not become the parent of processes that lose theirs
    #[arg(long)]
    pub(crate) no_subreaper: bool,
}
