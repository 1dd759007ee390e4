//! Where the file system puts unpacked layers.

use std::ffi::c_long;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

/// linux/fs.h: chattr(1) "T", which libc does not name.
const TOPDIR: c_long = 0x0002_0000;

/// Tells ext4 that the subdirectories of `directory` have nothing to do with each other (chattr(1) "T"). It then puts each
/// into another group of blocks: layers that are unpacked at once do not wait for one group's inodes, and one that comes right
/// after others were removed does not search their inodes, which ext4 leaves alone for some minutes. A hint; nobody else knows it.
pub(super) fn spread(directory: &Path) {
    let Ok(directory) = File::open(directory) else {
        return;
    };
    let mut flags: c_long = 0;
    // SAFETY: ioctl_iflags(2): the kernel writes at most a long there.
    if unsafe { libc::ioctl(directory.as_raw_fd(), libc::FS_IOC_GETFLAGS, &raw mut flags) } != 0
        || flags & TOPDIR != 0
    {
        return;
    }
    flags |= TOPDIR;
    // SAFETY: ioctl_iflags(2): the kernel reads at most a long from there.
    unsafe {
        libc::ioctl(
            directory.as_raw_fd(),
            libc::FS_IOC_SETFLAGS,
            &raw const flags,
        )
    };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// ext4 has the hint afterwards; others go on without it.
    #[test]
    fn a_directory_is_usable_with_and_without_the_hint() {
        let directory = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            spread(directory.path());
            std::fs::create_dir(directory.path().join("layer")).unwrap();
            std::fs::remove_dir(directory.path().join("layer")).unwrap();
        }
        spread(Path::new("/nowhere/at/all"));
    }
}
