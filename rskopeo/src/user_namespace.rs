//! A user namespace for an ordinary user who works on a store whose files belong to many: in it the user is root, and the
//! subordinate ids (subuid(5), subgid(5)) are the others.
//!
//! ```text
//! rskopeo ── fork ──▶ stays outside, waits
//!    │ unshare(CLONE_NEWUSER)
//!    ├── "ready" ───▶ newgidmap, newuidmap
//!    ◀── how it went ── ends
//! ```

use std::env;
use std::fs;
use std::io::{self, PipeReader, PipeWriter, Read, Write, pipe};
use std::process::Command;

use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, Uid, User, fork, getegid, geteuid, getppid, getuid};

/// What podman's tools tell each other by: whom a process of uid 0 works for.
const WHOM: &str = "_CONTAINERS_ROOTLESS_UID";

/// The user whose configuration counts, whatever the namespace calls them.
pub fn person() -> Uid {
    let told = env::var(WHOM).ok().and_then(|uid| uid.parse().ok());
    told.map_or_else(getuid, Uid::from_raw)
}

/// Ids of a user: `count` of them from `start` on.
type Range = (u32, u32);

/// Goes into a namespace of one's own, unless the process is root already. It has one thread, which is to be the only one.
///
/// # Errors
/// The user has no subordinate ids, or they cannot be mapped.
pub fn enter() -> Result<()> {
    if geteuid().is_root() {
        return Ok(());
    }
    let entered = || -> Result<()> {
        let (uid, gid) = (geteuid(), getegid());
        let names = names(uid)?;
        let gids = ranges("/etc/subgid", &names)?;
        let uids = ranges("/etc/subuid", &names)?;
        let (told, tell) = pipe()?;
        let (wait, ready) = pipe()?;
        // SAFETY: the process has one thread, so the child may do whatever the parent may.
        match unsafe { fork() }? {
            ForkResult::Child => {
                drop((told, ready));
                map(
                    wait,
                    tell,
                    [
                        ("newgidmap", gid.as_raw(), &gids),
                        ("newuidmap", uid.as_raw(), &uids),
                    ],
                );
                // What the parent has begun is the parent's to end.
                // SAFETY: it does not return, and needs nothing.
                unsafe { libc::_exit(0) }
            }
            ForkResult::Parent { child } => {
                drop((wait, tell));
                unshare(CloneFlags::CLONE_NEWUSER)?;
                mapped(ready, told, child)?;
            }
        }
        // SAFETY: there is one thread, so nobody reads the environment meanwhile.
        unsafe { env::set_var(WHOM, uid.to_string()) };
        Ok(())
    };
    entered().context("entering a user namespace (as root, or in `podman unshare`, none is needed)")
}

/// Waits until the ids are mapped by [`map`].
fn mapped(mut ready: PipeWriter, mut told: PipeReader, child: Pid) -> Result<()> {
    ready.write_all(b"!")?;
    let mut failure = String::new();
    told.read_to_string(&mut failure)?;
    waitpid(child, None)?;
    if !failure.is_empty() {
        bail!("{failure}");
    }
    Ok(())
}

/// The child's part. Only from outside can more be mapped than the user's own id, and only by programs that are set-uid root.
fn map(mut wait: PipeReader, mut tell: PipeWriter, maps: [(&str, u32, &Vec<Range>); 2]) {
    // Without a byte the parent has gone.
    if wait.read_exact(&mut [0]).is_err() {
        return;
    }
    let run = || -> Result<()> {
        for (program, own, ranges) in maps {
            let output = Command::new(program)
                .args(arguments(getppid(), own, ranges))
                .output()
                .with_context(|| format!("starting {program} (Debian: package uidmap)"))?;
            if !output.status.success() {
                bail!(
                    "{program}: {}",
                    String::from_utf8_lossy(&output.stderr).trim()
                );
            }
        }
        Ok(())
    };
    if let Err(error) = run() {
        // A parent that has gone needs to hear nothing.
        write!(tell, "{error:#}").ok();
    }
}

/// `PID INSIDE OUTSIDE COUNT…`: the user is 0, the ranges follow.
fn arguments(pid: Pid, own: u32, ranges: &[Range]) -> Vec<String> {
    let mut arguments = vec![pid.to_string()];
    let mut inside = 0;
    for (start, count) in std::iter::once(&(own, 1)).chain(ranges) {
        arguments.extend([inside, *start, *count].map(|number| number.to_string()));
        inside += count;
    }
    arguments
}

/// What a user is called in subuid(5): by name, or by number. The name may be missing.
fn names(uid: Uid) -> Result<[String; 2]> {
    let name = User::from_uid(uid)?.map(|user| user.name);
    Ok([name.unwrap_or_default(), uid.to_string()])
}

fn ranges(file: &str, names: &[String; 2]) -> Result<Vec<Range>> {
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => read.with_context(|| format!("open {file}"))?,
    };
    let ranges = ranges_of(&text, names);
    if ranges.is_empty() {
        bail!(
            "{file} has no range for user {}: give one by usermod --add-subuids and --add-subgids",
            names[1]
        );
    }
    Ok(ranges)
}

/// Of lines `name:start:count`; what is none is passed over, and what is more than there are ids.
fn ranges_of(text: &str, names: &[String; 2]) -> Vec<Range> {
    let mut left = u32::MAX - 1;
    let mut range = |line: &str| {
        let fields: Vec<&str> = line.trim().split(':').collect();
        let [name, start, count] = fields[..] else {
            return None;
        };
        let (start, count): (u32, u32) = (start.parse().ok()?, count.parse().ok()?);
        start.checked_add(count)?;
        if name.is_empty() || !names.iter().any(|known| known == name) || count == 0 {
            return None;
        }
        left = left.checked_sub(count)?;
        Some((start, count))
    };
    text.lines().filter_map(&mut range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_become_a_map() {
        let names = ["ann".to_owned(), "1000".to_owned()];
        let text = "# x\nann:100000:65536\nbob:1:2\n1000:300000:10\nann:5\nann:1:0\n:1:1\nann:9:4294967290\n";
        let ranges = ranges_of(text, &names);
        assert_eq!(ranges, [(100_000, 65536), (300_000, 10)]);
        let given = arguments(Pid::from_raw(7), 1000, &ranges).join(" ");
        assert_eq!(given, "7 0 1000 1 1 100000 65536 65537 300000 10");
    }
}
