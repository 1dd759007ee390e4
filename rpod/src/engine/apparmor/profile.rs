//! The default profile, in the words of apparmor.d(5).
//!
//! A container does what it likes with its own files, its network and the capabilities that it was given. What it cannot do by
//! capability alone is to reach the host by way of /proc and /sys, or to mount. Patterns know no "all but", so what is allowed is
//! left out letter by letter: `s[^y]`, `sy[^s]`, `sys?` are all names with an s that are not `sys`.

use std::path::Path;

use anyhow::{Result, bail};

const DIRECTORY: &str = "/etc/apparmor.d";

/// The profile as apparmor_parser(8) reads it, with what it includes of this host.
pub(super) fn text(name: &str) -> Result<String> {
    write(name, |file| Path::new(DIRECTORY).join(file).exists())
}

fn write(name: &str, is_there: impl Fn(&str) -> bool) -> Result<String> {
    // It stands in the profile's text, where another character could say more than a name.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+~".contains(&byte);
    if !name.bytes().all(is_plain) {
        bail!(
            "a default profile's name has letters, digits and . _ - + ~ alone, which {name:?} has not"
        );
    }
    let global = match is_there("tunables/global") {
        true => "include <tunables/global>",
        false => "@{PROC}=/proc/",
    };
    let base = match is_there("abstractions/base") {
        true => "  include <abstractions/base>\n",
        false => "",
    };
    Ok(format!(
        "{global}\n\nprofile {name} flags=(attach_disconnected,mediate_deleted) {{\n{base}{ALLOWED}{}{DENIED}}}\n",
        among_its_own(name)
    ))
}

const ALLOWED: &str = "
  file,
  network,
  capability,
  umount,

  # Whoever started it ends it. Some distributions give engines, monitors and runtimes profiles of their own.
  signal (receive) peer=unconfined,
  signal (receive) peer={/usr/bin/,/usr/sbin/,/usr/local/bin/,/usr/libexec/podman/,}{podman,rpod},
  signal (receive) peer={/usr/bin/,/usr/sbin/,/usr/local/bin/,/usr/libexec/podman/,}{conmon,rconmon},
  signal (receive) peer={/usr/bin/,/usr/sbin/,/usr/local/bin/,/usr/libexec/podman/,}{runc,crun*,rrunc},
";

fn among_its_own(name: &str) -> String {
    format!(
        "  signal (send, receive) peer={name},\n  ptrace (trace, read, tracedby, readby) peer={name},\n"
    )
}

const DENIED: &str = "
  deny mount,

  # Of /proc only what belongs to processes is written to.
  deny @{PROC}/* w,
  deny @{PROC}/[^1-9s]*/** w,
  deny @{PROC}/s[^y]*/** w,
  deny @{PROC}/sy[^s]*/** w,
  deny @{PROC}/sys?*/** w,
  deny @{PROC}/sysrq-trigger rwklx,
  deny @{PROC}/kcore rwklx,

  # Of the kernel's settings only those that an IPC namespace has for itself: kernel/shm* and kernel/sem.
  deny @{PROC}/sys/[^k]** w,
  deny @{PROC}/sys/k[^e]** w,
  deny @{PROC}/sys/kernel/[^s]** w,
  deny @{PROC}/sys/kernel/s[^he]** w,
  deny @{PROC}/sys/kernel/sh[^m]** w,
  deny @{PROC}/sys/kernel/se[^m]** w,

  # Of /sys only cgroups.
  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/kernel/security/** rwklx,
";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_the_host_has_is_included() {
        let with = write("containers-default-x", |_| true).unwrap();
        assert!(with.starts_with("include <tunables/global>\n"), "{with}");
        assert!(with.contains("include <abstractions/base>"), "{with}");
        let without = write("containers-default-x", |_| false).unwrap();
        assert!(without.starts_with("@{PROC}=/proc/\n"), "{without}");
        assert!(!without.contains("include"), "{without}");
    }

    #[test]
    fn a_name_cannot_say_more() {
        for name in [
            "containers-default-x { file, }",
            "containers-default-\n",
            "containers-default-*",
            "containers-default-/x",
        ] {
            assert!(
                text(name).unwrap_err().to_string().contains("name"),
                "{name}"
            );
        }
    }

    /// Where the parser is installed, it says what it makes of the text.
    #[test]
    fn apparmor_parser_understands_it() {
        use std::io::Write as _;
        use std::process::{Command, Stdio};

        for included in [true, false] {
            let child = Command::new("/sbin/apparmor_parser")
                .args(["--skip-kernel-load", "--skip-cache", "--names"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn();
            let Ok(mut child) = child else { return };
            let text = write("containers-default-x", |file| {
                included && Path::new(DIRECTORY).join(file).exists()
            });
            let mut pipe = child.stdin.take().unwrap();
            pipe.write_all(text.unwrap().as_bytes()).unwrap();
            drop(pipe);
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success());
            assert_eq!(output.stdout, b"containers-default-x\n");
        }
    }
}
