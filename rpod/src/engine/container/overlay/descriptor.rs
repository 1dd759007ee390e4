//! An overlay by fsopen(2): each layer is told by itself, so that there is no limit to their number.

use std::ffi::CString;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use nix::errno::Errno;

use super::Overlay;

const FSCONFIG_SET_FLAG: libc::c_uint = 0;
const FSCONFIG_SET_STRING: libc::c_uint = 1;
const FSCONFIG_CMD_CREATE: libc::c_uint = 6;

/// Since Linux 6.8 a layer can be added by itself. An older one is not tried: it would complain in its log at every start.
pub(super) fn is_known() -> bool {
    let uname = nix::sys::utsname::uname();
    uname.is_ok_and(|uname| version(&uname.release().to_string_lossy()) >= (6, 8))
}

fn version(release: &str) -> (u32, u32) {
    let mut numbers = release
        .split(['.', '-'])
        .map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

pub(super) fn mount(overlay: &Overlay<'_>, rootfs: &Path) -> Result<(), Errno> {
    // SAFETY: a plain system call on a constant string; the descriptor it returns is ours alone.
    let fs = unsafe {
        owned(libc::syscall(
            libc::SYS_fsopen,
            c"overlay".as_ptr(),
            libc::FSOPEN_CLOEXEC,
        ))?
    };
    for layer in overlay.chain.iter().rev() {
        set(&fs, "lowerdir+", &overlay.layers.join(layer).join("diff"))?;
    }
    set(&fs, "upperdir", &overlay.home.join("upper"))?;
    set(&fs, "workdir", &overlay.home.join("work"))?;
    if overlay.volatile {
        flag(&fs, c"volatile")?;
    }
    if overlay.userxattr {
        flag(&fs, c"userxattr")?;
    }
    if let Some(label) = overlay.label {
        set(&fs, "context", Path::new(label))?;
    }
    fsconfig(&fs, FSCONFIG_CMD_CREATE, None, None)?;
    // SAFETY: fsmount reads nothing but its integer arguments; the descriptor it returns is ours alone.
    let mount = unsafe {
        owned(libc::syscall(
            libc::SYS_fsmount,
            fs.as_raw_fd(),
            libc::FSMOUNT_CLOEXEC,
            0,
        ))?
    };
    let target = CString::new(rootfs.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: both paths are NUL-terminated and live through the call.
    let moved = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            libc::MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    Errno::result(moved).map(drop)
}

fn set(fs: &OwnedFd, key: &str, value: &Path) -> Result<(), Errno> {
    let key = CString::new(key).map_err(|_| Errno::EINVAL)?;
    let value = CString::new(value.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    fsconfig(fs, FSCONFIG_SET_STRING, Some(&key), Some(&value))
}

fn flag(fs: &OwnedFd, key: &std::ffi::CStr) -> Result<(), Errno> {
    fsconfig(fs, FSCONFIG_SET_FLAG, Some(key), None)
}

fn fsconfig(
    fs: &OwnedFd,
    command: libc::c_uint,
    key: Option<&std::ffi::CStr>,
    value: Option<&std::ffi::CStr>,
) -> Result<(), Errno> {
    let pointer =
        |text: Option<&std::ffi::CStr>| text.map_or(std::ptr::null(), std::ffi::CStr::as_ptr);
    // SAFETY: key and value are NUL-terminated (or null where the command takes none) and live through the call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_fsconfig,
            fs.as_raw_fd(),
            command,
            pointer(key),
            pointer(value),
            0,
        )
    };
    Errno::result(done).map(drop)
}

/// # Safety
/// `result` is what a system call returned that makes a descriptor nobody else holds.
unsafe fn owned(result: libc::c_long) -> Result<OwnedFd, Errno> {
    let fd = Errno::result(result)?;
    // SAFETY: the caller says that the descriptor is new.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

#[cfg(test)]
mod tests {
    #[test]
    fn releases_are_told_apart() {
        let of = super::version;
        assert!(of("6.18.5") > of("6.8.0-rc1") && of("6.8-custom") == (6, 8));
        assert!(of("6.1.0-57-amd64") < (6, 8) && of("odd") == (0, 0));
    }
}
