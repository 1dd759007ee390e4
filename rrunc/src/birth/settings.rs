//! What belongs to the namespaces themselves: names, the loopback interface,
//! sysctls.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use anyhow::{Context, Result, anyhow, ensure};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::unistd::{sethostname, write};

use crate::spec::Spec;

/// Names of the UTS namespace.
///
/// # Errors
/// The kernel refuses a name.
pub(super) fn set_names(spec: &Spec) -> Result<()> {
    if let Some(name) = spec.hostname.as_deref().filter(|name| !name.is_empty()) {
        sethostname(name).with_context(|| format!("hostname: {name:?}"))?;
    }
    if let Some(name) = spec.domainname.as_deref().filter(|name| !name.is_empty()) {
        // SAFETY: pointer and length are those of the string.
        let done = unsafe { libc::setdomainname(name.as_ptr().cast(), name.len()) };
        Errno::result(done).with_context(|| format!("domainname: {name:?}"))?;
    }
    Ok(())
}

/// Bring `lo` of a new network namespace up.
///
/// # Errors
/// The interface's flags cannot be set.
pub(super) fn raise_loopback() -> Result<()> {
    // SAFETY: takes numbers only.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    let fd = Errno::result(fd).context("socket for the loopback interface")?;
    // SAFETY: the call just returned this descriptor to us alone.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: ifreq is plain data, of which zero is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request reads one ifreq.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    Errno::result(done)
        .map(drop)
        .context("bring the loopback interface up")
}

/// Write `linux.sysctl`, through the host's procfs: what is written depends
/// on the writer's namespaces, and nothing of the image can lie in between.
///
/// # Errors
/// /proc is not procfs all the way down, or a value is refused.
pub(super) fn write_sysctls(sysctls: &BTreeMap<String, String>) -> Result<()> {
    if sysctls.is_empty() {
        return Ok(());
    }
    let sys = open(
        "/proc/sys",
        OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
        Mode::empty(),
    )
    .context("open the host's /proc/sys")?;
    let kind = fstatfs(&sys)
        .context("statfs of /proc/sys")?
        .filesystem_type();
    ensure!(
        kind == PROC_SUPER_MAGIC,
        "the host's /proc/sys is not of procfs"
    );
    let inside = ResolveFlag::RESOLVE_BENEATH
        | ResolveFlag::RESOLVE_NO_XDEV
        | ResolveFlag::RESOLVE_NO_SYMLINKS;
    let how = OpenHow::new()
        .flags(OFlag::O_WRONLY | OFlag::O_CLOEXEC)
        .resolve(inside);
    for (key, value) in sysctls {
        let file = openat2(sys.as_fd(), file_of(key).as_str(), how)
            .with_context(|| format!("linux.sysctl.{key}: open /proc/sys/{}", file_of(key)))?;
        let written = write(&file, value.as_bytes())
            .with_context(|| format!("linux.sysctl.{key}: write {value:?}"))?;
        ensure!(
            written == value.len(),
            anyhow!("linux.sysctl.{key}: {value:?} was cut")
        );
    }
    Ok(())
}

/// `net.ipv4.ip_forward` is `net/ipv4/ip_forward`; where the first separator
/// is a slash, slashes and dots change places (sysctl(8)).
fn file_of(key: &str) -> String {
    match key.find(['.', '/']).map(|at| key.as_bytes()[at]) {
        Some(b'/') => key.to_owned(),
        _ => key
            .chars()
            .map(|c| {
                if c == '.' {
                    '/'
                } else if c == '/' {
                    '.'
                } else {
                    c
                }
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::file_of;

    #[test]
    fn an_interface_name_may_have_a_dot() {
        assert_eq!(
            file_of("net.ipv4.conf.eth0/1.forwarding"),
            "net/ipv4/conf/eth0.1/forwarding"
        );
        assert_eq!(
            file_of("net/ipv4/conf/eth0.1/forwarding"),
            "net/ipv4/conf/eth0.1/forwarding"
        );
    }
}
