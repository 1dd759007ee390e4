//! The system calls: ioctl_xfs_fsgetxattr(2) for the project of a directory, quotactl_fd(2) for what a project may have. nix has neither,
//! and knows the quotas of users and groups alone.

use std::fs::File;
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;

use super::Quota;

/// `struct fsxattr` of linux/fs.h.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Attributes {
    flags: u32,
    extent_size: u32,
    extents: u32,
    project: u32,
    copy_on_write_size: u32,
    padding: [u8; 8],
}

/// `FS_XFLAG_PROJINHERIT`: what is made in the directory is of its project.
const INHERITED: u32 = 0x200;

mod ioctl {
    use super::Attributes;
    nix::ioctl_read!(get, b'X', 31, Attributes);
    nix::ioctl_write_ptr!(set, b'X', 32, Attributes);
}

/// The project that a directory belongs to; 0 for none.
pub(super) fn project(directory: &File) -> nix::Result<u32> {
    Ok(attributes(directory)?.project)
}

/// Makes an empty directory, and all that comes to be in it, part of a project.
pub(super) fn join(directory: &File, project: u32) -> nix::Result<()> {
    let mut attributes = attributes(directory)?;
    attributes.project = project;
    attributes.flags |= INHERITED;
    // SAFETY: the descriptor is open, and the kernel only reads the structure, which has the layout of its own.
    unsafe { ioctl::set(directory.as_raw_fd(), &raw const attributes) }?;
    Ok(())
}

fn attributes(directory: &File) -> nix::Result<Attributes> {
    let mut attributes = Attributes::default();
    // SAFETY: the descriptor is open, and the kernel writes one structure of this layout, of plain numbers.
    unsafe { ioctl::get(directory.as_raw_fd(), &raw mut attributes) }?;
    Ok(attributes)
}

/// `fs_disk_quota_t` of linux/dqblk_xfs.h.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct DiskQuota {
    version: i8,
    kind: i8,
    fields: u16,
    id: u32,
    /// In blocks of 512 bytes, as all sizes here.
    blocks_hard: u64,
    blocks_soft: u64,
    inodes_hard: u64,
    inodes_soft: u64,
    blocks: u64,
    inodes: u64,
    timers: [i32; 2],
    warnings: [u16; 2],
    timers_high: [i8; 4],
    realtime_hard: u64,
    realtime_soft: u64,
    realtime_blocks: u64,
    realtime_timer: i32,
    realtime_warnings: u16,
    padding: [u8; 10],
}

/// `struct fs_quota_statv`, of which only the flags are looked at.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct State {
    version: i8,
    padding: u8,
    flags: u16,
    dquots: u32,
    rest: [u64; 19],
}

const _: () = assert!(size_of::<Attributes>() == 28);
const _: () = assert!(size_of::<DiskQuota>() == 112);
const _: () = assert!(size_of::<State>() == 160);

const Q_XGETQUOTA: u32 = 0x5803;
const Q_XSETQLIM: u32 = 0x5804;
const Q_XGETQSTATV: u32 = 0x5808;
const PRJQUOTA: u32 = 2;
const FS_DQUOT_VERSION: i8 = 1;
const FS_QSTATV_VERSION1: i8 = 1;
const FS_PROJ_QUOTA: i8 = 2;
const FS_QUOTA_PDQ_ENFD: u16 = 1 << 5;
/// `FS_DQ_ISOFT`, `FS_DQ_IHARD`, `FS_DQ_BSOFT` and `FS_DQ_BHARD`.
const LIMITS: u16 = 0xf;
const BLOCK: u64 = 512;

/// True if the limits of projects are kept on the file system of the directory.
pub(super) fn is_enforced(directory: &File) -> nix::Result<bool> {
    let mut state = State {
        version: FS_QSTATV_VERSION1,
        ..State::default()
    };
    // SAFETY: the command takes a structure of this layout, reads its version and writes plain numbers.
    match unsafe { quotactl(directory, Q_XGETQSTATV, 0, &raw mut state) } {
        Ok(()) => Ok(state.flags & FS_QUOTA_PDQ_ENFD != 0),
        // The kernel has none, or not by a descriptor before Linux 5.14; or the file system has none; or it is mounted without.
        Err(Errno::ENOSYS | Errno::EINVAL | Errno::ESRCH | Errno::EOPNOTSUPP) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// True if nothing belongs to the project, and nobody gave it a limit.
pub(super) fn is_free(directory: &File, project: u32) -> nix::Result<bool> {
    let mut about = DiskQuota::default();
    // SAFETY: the command writes a structure of this layout, of plain numbers.
    match unsafe { quotactl(directory, Q_XGETQUOTA, project, &raw mut about) } {
        Ok(()) => {
            let limits = about.blocks_hard | about.blocks_soft;
            let limits = limits | about.inodes_hard | about.inodes_soft;
            Ok(limits | about.blocks | about.inodes == 0)
        }
        Err(Errno::ENOENT) => Ok(true),
        Err(errno) => Err(errno),
    }
}

/// Says how much a project may have.
pub(super) fn set_limits(directory: &File, project: u32, quota: &Quota) -> nix::Result<()> {
    // A part of a block is more than nothing, which would be no limit.
    let blocks = quota.size.div_ceil(BLOCK);
    let mut asked = DiskQuota {
        version: FS_DQUOT_VERSION,
        kind: FS_PROJ_QUOTA,
        fields: LIMITS,
        id: project,
        blocks_hard: blocks,
        blocks_soft: blocks,
        inodes_hard: quota.inodes,
        inodes_soft: quota.inodes,
        ..DiskQuota::default()
    };
    // SAFETY: the command reads a structure of this layout.
    unsafe { quotactl(directory, Q_XSETQLIM, project, &raw mut asked) }
}

/// # Safety
///
/// `about` is what the command takes.
unsafe fn quotactl<T>(
    directory: &File,
    command: u32,
    project: u32,
    about: *mut T,
) -> nix::Result<()> {
    let command = command << 8 | PRJQUOTA;
    let about: *mut libc::c_void = about.cast();
    // SAFETY: the descriptor is open; for the rest the caller answers.
    let result = unsafe {
        libc::syscall(
            libc::SYS_quotactl_fd,
            directory.as_raw_fd(),
            command,
            project,
            about,
        )
    };
    Errno::result(result).map(drop)
}
