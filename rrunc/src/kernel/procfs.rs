//! Files of /proc that are written to. Only the kernel's own will do: what lies at /proc, or over a file in it, may be another file
//! system, or another file of the same that should not be written to (CVE-2019-16884, CVE-2025-52881).

use anyhow::{Context, Result, ensure};
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::unistd::write as write_to;

/// Write to a file, named by its path below /proc, at once.
///
/// # Errors
/// The errno, with the path: of what is not there, not procfs, covered by a mount (EXDEV), or refuses the text.
pub(crate) fn write(path: &str, text: &str) -> Result<()> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let proc = open("/proc", flags, Mode::empty()).context("open /proc")?;
    let kind = fstatfs(&proc).context("statfs of /proc")?.filesystem_type();
    ensure!(kind == PROC_SUPER_MAGIC, "/proc is not a proc file system");
    let how = OpenHow::new()
        .flags(OFlag::O_WRONLY | OFlag::O_CLOEXEC)
        .resolve(
            ResolveFlag::RESOLVE_BENEATH
                | ResolveFlag::RESOLVE_NO_XDEV
                | ResolveFlag::RESOLVE_NO_MAGICLINKS,
        );
    let file = openat2(&proc, path, how).with_context(|| format!("open /proc/{path}"))?;
    let written = write_to(&file, text.as_bytes())
        .with_context(|| format!("write {:?} to /proc/{path}", text.trim_end()))?;
    ensure!(
        written == text.len(),
        "/proc/{path} took only a part of {text:?}"
    );
    Ok(())
}

/// Whether this process is in another user namespace than the machine's first.
pub(crate) fn in_user_namespace() -> bool {
    const WHOLE: [&str; 3] = ["0", "0", "4294967295"];
    // Without /proc nothing is known of other namespaces, nor needed.
    std::fs::read_to_string("/proc/self/uid_map")
        .is_ok_and(|map| !map.split_ascii_whitespace().eq(WHOLE))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use nix::errno::Errno;

    use super::write;

    #[test]
    fn only_files_of_procfs_are_written_to() {
        write("self/oom_score_adj", "1000").unwrap();
        let errno = |path| write(path, "1").unwrap_err().downcast_ref().copied();
        assert_eq!(errno("self/nothing"), Some(Errno::ENOENT));
        assert_eq!(errno("../tmp/file"), Some(Errno::EXDEV));
        assert_eq!(errno("self/root/tmp/file"), Some(Errno::ELOOP));
    }
}
