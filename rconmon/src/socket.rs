//! Sockets with a name in the file system, however long that is.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::fcntl::{OFlag, open};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, bind, socket};
use nix::sys::stat::Mode;

use crate::files::remove_if_there;

/// sun_path's size, less its final NUL.
const PATH_MAX: usize = 107;

/// Binds a socket at `directory/name`, however long that path is: the address
/// goes through the open directory's entry in /proc.
pub(crate) fn bind_in(directory: &Path, name: &str, kind: SockType, mode: u32) -> Result<OwnedFd> {
    let path = directory.join(name);
    let parent =
        open(directory, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).with_context(|| {
            format!(
                "failed to open socket path parent dir {}",
                directory.display()
            )
        })?;
    remove_if_there(&path)?;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket =
        socket(AddressFamily::Unix, kind, flags, None).context("cannot create a socket")?;
    let through = format!("/proc/self/fd/{}/{name}", parent.as_raw_fd());
    UnixAddr::new(through.as_str())
        .and_then(|address| bind(socket.as_raw_fd(), &address))
        .with_context(|| format!("cannot bind {}", path.display()))?;
    std::fs::set_permissions(&path, Permissions::from_mode(mode))
        .with_context(|| format!("cannot change the mode of {}", path.display()))?;
    Ok(socket)
}

/// A symbolic link to `bundle` at `path`, or one letter shorter where the
/// path's length would make it collide with the socket's limit.
pub(crate) fn link_to(bundle: &Path, path: &Path) -> Result<PathBuf> {
    let bytes = path.as_os_str().as_bytes();
    let link = if bytes.len() == PATH_MAX {
        PathBuf::from(OsStr::from_bytes(&bytes[..PATH_MAX - 1]))
    } else {
        path.to_owned()
    };
    remove_if_there(&link)?;
    symlink(bundle, &link)
        .with_context(|| format!("cannot create the attach link {}", link.display()))?;
    Ok(link)
}
