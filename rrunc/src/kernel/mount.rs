//! The mount interface of file descriptors: open_tree(2), move_mount(2),
//! mount_setattr(2), fsopen(2), fsconfig(2), fsmount(2).

use std::ffi::{CStr, CString};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use nix::NixPath;
use nix::errno::Errno;

/// What mount_setattr(2) changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// `MOUNT_ATTR_…` to set.
    pub(crate) set: u64,
    /// `MOUNT_ATTR_…` to clear.
    pub(crate) clear: u64,
    /// One of `MS_SHARED`, `MS_SLAVE`, `MS_PRIVATE`, `MS_UNBINDABLE`, or 0.
    pub(crate) propagation: u64,
}

impl Attributes {
    /// Whether nothing would change.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Attributes::default()
    }
}

/// A copy of the mount at `path`, attached nowhere yet.
pub(crate) fn clone_tree<P: ?Sized + NixPath>(
    dir: BorrowedFd<'_>,
    path: &P,
    recursive: bool,
) -> Result<OwnedFd, Errno> {
    let mut flags =
        libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_EMPTY_PATH as libc::c_uint;
    if recursive {
        flags |= libc::AT_RECURSIVE as libc::c_uint;
    }
    let fd = path.with_nix_path(|path| {
        // SAFETY: the path is a C string that outlives the call.
        unsafe { libc::syscall(libc::SYS_open_tree, dir.as_raw_fd(), path.as_ptr(), flags) }
    })?;
    owned(fd)
}

/// A copy of the mount that a descriptor stands for.
pub(crate) fn clone_mount(fd: BorrowedFd<'_>, recursive: bool) -> Result<OwnedFd, Errno> {
    clone_tree(fd, c"", recursive)
}

/// Attach a mount at the place that `target` stands for.
pub(crate) fn attach(mount: BorrowedFd<'_>, target: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = libc::MOVE_MOUNT_F_EMPTY_PATH | libc::MOVE_MOUNT_T_EMPTY_PATH;
    // SAFETY: both paths are empty C strings.
    let done = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            mount.as_raw_fd(),
            c"".as_ptr(),
            target.as_raw_fd(),
            c"".as_ptr(),
            flags,
        )
    };
    Errno::result(done).map(drop)
}

/// Change the attributes of a mount, and with `recursive` of those below it.
pub(crate) fn set_attributes(
    fd: BorrowedFd<'_>,
    recursive: bool,
    change: Attributes,
) -> Result<(), Errno> {
    set_attr(fd, c"", recursive, change, None)
}

/// Change the attributes of the mount at a path.
pub(crate) fn set_attributes_at(
    path: &CStr,
    recursive: bool,
    change: Attributes,
) -> Result<(), Errno> {
    // SAFETY: AT_FDCWD is always there to be borrowed.
    let cwd = unsafe { BorrowedFd::borrow_raw(libc::AT_FDCWD) };
    set_attr(cwd, path, recursive, change, None)
}

/// Map the ids of a mount that is attached nowhere through a user namespace.
pub(crate) fn map_ids(
    fd: BorrowedFd<'_>,
    recursive: bool,
    namespace: BorrowedFd<'_>,
) -> Result<(), Errno> {
    let change = Attributes {
        set: libc::MOUNT_ATTR_IDMAP,
        ..Attributes::default()
    };
    set_attr(fd, c"", recursive, change, Some(namespace))
}

fn set_attr(
    fd: BorrowedFd<'_>,
    path: &CStr,
    recursive: bool,
    change: Attributes,
    namespace: Option<BorrowedFd<'_>>,
) -> Result<(), Errno> {
    let attributes = libc::mount_attr {
        attr_set: change.set,
        attr_clr: change.clear,
        propagation: change.propagation,
        userns_fd: namespace.map_or(0, |fd| fd.as_raw_fd() as u64),
    };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the kernel reads a mount_attr of the size given.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            fd.as_raw_fd(),
            path.as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(done).map(drop)
}

/// Give the root of a mount an SELinux label (setxattr(2)).
pub(crate) fn set_label(fd: BorrowedFd<'_>, label: &str) -> Result<(), Errno> {
    // An O_PATH descriptor takes no fsetxattr(2).
    let path =
        CString::new(format!("/proc/self/fd/{}", fd.as_raw_fd())).map_err(|_| Errno::EINVAL)?;
    // SAFETY: path and name are C strings, and the value is as long as said.
    let done = unsafe {
        libc::setxattr(
            path.as_ptr(),
            c"security.selinux".as_ptr(),
            label.as_ptr().cast(),
            label.len(),
            0,
        )
    };
    Errno::result(done).map(drop)
}

/// A file system being configured.
#[derive(Debug)]
pub(crate) struct Filesystem(OwnedFd);

impl Filesystem {
    /// Begin a file system of this type.
    pub(crate) fn open(kind: &CStr) -> Result<Filesystem, Errno> {
        // SAFETY: the name is a C string.
        let fd = unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), libc::FSOPEN_CLOEXEC) };
        owned(fd).map(Filesystem)
    }

    /// Set a parameter, with a value or as a flag.
    ///
    /// # Errors
    /// The kernel's own words where it left some, else the errno.
    pub(crate) fn set(&self, key: &str, value: Option<&str>) -> Result<(), String> {
        let failed = |errno| format!("option {key:?}: {}", self.reason(errno));
        let key = CString::new(key).map_err(|_| failed(Errno::EINVAL))?;
        let value = value
            .map(CString::new)
            .transpose()
            .map_err(|_| failed(Errno::EINVAL))?;
        match &value {
            Some(value) => self.configure(libc::FSCONFIG_SET_STRING, Some(&key), Some(value)),
            None => self.configure(libc::FSCONFIG_SET_FLAG, Some(&key), None),
        }
        .map_err(failed)
    }

    /// Make the file system and a mount of it, attached nowhere yet.
    ///
    /// # Errors
    /// As [`Filesystem::set`].
    pub(crate) fn mount(self, attributes: u64) -> Result<OwnedFd, String> {
        self.configure(libc::FSCONFIG_CMD_CREATE, None, None)
            .map_err(|errno| self.reason(errno))?;
        // SAFETY: takes numbers only.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_fsmount,
                self.0.as_raw_fd(),
                libc::FSMOUNT_CLOEXEC,
                attributes as libc::c_uint,
            )
        };
        owned(fd).map_err(|errno| self.reason(errno))
    }

    fn configure(
        &self,
        command: libc::c_uint,
        key: Option<&CStr>,
        value: Option<&CStr>,
    ) -> Result<(), Errno> {
        let key = key.map_or(ptr::null(), CStr::as_ptr);
        let value = value.map_or(ptr::null(), CStr::as_ptr);
        // SAFETY: key and value are null or C strings that outlive the call.
        let done = unsafe {
            libc::syscall(
                libc::SYS_fsconfig,
                self.0.as_raw_fd(),
                command,
                key,
                value,
                0,
            )
        };
        Errno::result(done).map(drop)
    }

    /// The kernel's message about the last failure, `e ` and the text.
    fn reason(&self, errno: Errno) -> String {
        let mut text = [0; 512];
        let length = self
            .0
            .as_fd()
            .try_clone_to_owned()
            .and_then(|fd| std::fs::File::from(fd).read(&mut text));
        let said = String::from_utf8_lossy(&text[..length.unwrap_or(0)])
            .trim()
            .to_owned();
        match said.strip_prefix("e ") {
            Some(said) => format!("{said}: {}", errno.desc()),
            None => errno.desc().to_owned(),
        }
    }
}

fn owned(fd: libc::c_long) -> Result<OwnedFd, Errno> {
    let fd = Errno::result(fd)?;
    // SAFETY: the call just returned this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}
