//! `checkpoint` and `restore`.

use std::path::PathBuf;

use clap::Args;

/// Options that criu(8) has under the same names.
#[derive(Debug, Args)]
pub(crate) struct CriuOptions {
    /// Directory of the images [default: checkpoint]
    #[arg(long, value_name = "DIR")]
    pub(crate) image_path: Option<PathBuf>,
    /// Directory of criu's log and statistics
    #[arg(long, value_name = "DIR")]
    pub(crate) work_path: Option<PathBuf>,
    /// Allow open TCP connections
    #[arg(long)]
    pub(crate) tcp_established: bool,
    /// Allow Unix sockets that lead outside
    #[arg(long)]
    pub(crate) ext_unix_sk: bool,
    /// Allow a terminal that belongs to the caller
    #[arg(long)]
    pub(crate) shell_job: bool,
    /// Save and restore file locks
    #[arg(long)]
    pub(crate) file_locks: bool,
    /// How cgroups are restored: soft, full, strict or ignore
    #[arg(long, value_name = "MODE")]
    pub(crate) manage_cgroups_mode: Option<String>,
    /// Make a namespace of this kind, but do not restore what is in it
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) empty_ns: Vec<String>,
    /// Free the memory pages of older images
    #[arg(long)]
    pub(crate) auto_dedup: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Checkpoint {
    #[command(flatten)]
    pub(crate) criu: CriuOptions,
    /// Directory of an earlier pre-dump, relative to --image-path
    #[arg(long, value_name = "DIR")]
    pub(crate) parent_path: Option<PathBuf>,
    /// Let the container run on
    #[arg(long)]
    pub(crate) leave_running: bool,
    /// Leave out TCP connections that are being made
    #[arg(long)]
    pub(crate) tcp_skip_in_flight: bool,
    /// Link files back that have been deleted but are in use
    #[arg(long)]
    pub(crate) link_remap: bool,
    /// Send the memory to a page server
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) page_server: Option<String>,
    /// Save memory only, and let the container run on
    #[arg(long)]
    pub(crate) pre_dump: bool,
    /// Let the restored process fetch its memory when it needs it
    #[arg(long)]
    pub(crate) lazy_pages: bool,
    /// Descriptor that gets a nul byte when lazy pages are ready
    #[arg(long, value_name = "FD")]
    pub(crate) status_fd: Option<i32>,
    /// Name of the container
    #[arg(value_name = "CONTAINER-ID")]
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    pub(crate) criu: CriuOptions,
    /// Directory of config.json and the root filesystem [default: .]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) bundle: Option<PathBuf>,
    /// Unix socket that receives the terminal
    #[arg(long, value_name = "SOCKET")]
    pub(crate) console_socket: Option<PathBuf>,
    /// Do not wait for the process
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// File to write the process id to
    #[arg(long, value_name = "FILE")]
    pub(crate) pid_file: Option<PathBuf>,
    /// Not possible: criu makes the root itself
    #[arg(long, hide = true)]
    pub(crate) no_pivot: bool,
    /// Do not become the parent of processes that lose theirs
    #[arg(long)]
    pub(crate) no_subreaper: bool,
    /// Let the process fetch its memory when it needs it
    #[arg(long)]
    pub(crate) lazy_pages: bool,
    /// Profile to restore the process with, TYPE:NAME
    #[arg(long, value_name = "PROFILE")]
    pub(crate) lsm_profile: Option<String>,
    /// Label to restore mounts with
    #[arg(long, value_name = "CONTEXT")]
    pub(crate) lsm_mount_context: Option<String>,
    /// Name of the container
    #[arg(value_name = "CONTAINER-ID")]
    pub(crate) id: String,
}
