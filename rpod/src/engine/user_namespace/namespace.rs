//! User namespaces that are kept by a file.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};

use super::UserNamespace;
use super::map::{IdMap, Maps};
use crate::engine::Context;
use crate::engine::container::overlay::unmount;
use crate::engine::container::record::Container;
use crate::rootless::map_of;
use crate::store::directory::remove_if_there;

pub fn path(ctx: &Context, container: &str) -> PathBuf {
    ctx.store.runroot.join("userns").join(container)
}

/// The file of a container's user namespace; none where its users are rpod's.
pub fn of(ctx: &Context, container: &Container) -> Option<PathBuf> {
    match &container.user_namespace {
        UserNamespace::Host => None,
        UserNamespace::Own(_) => Some(path(ctx, &container.id)),
        UserNamespace::Container(owner, _) => Some(path(ctx, owner)),
        UserNamespace::Path(path, _) => Some(path.clone()),
    }
}

/// Makes a namespace with these maps and binds it to the file.
pub fn make(path: &Path, maps: &Maps) -> Result<()> {
    let making = || format!("making the user namespace {}", path.display());
    hold(
        || unshare(CloneFlags::CLONE_NEWUSER),
        |pid| {
            write_map(pid, "gid_map", &maps.gids)?;
            write_map(pid, "uid_map", &maps.uids)?;
            bind(pid, "user", path)
        },
    )
    .with_context(making)
}

/// The maps of a namespace that somebody else made.
pub fn maps(path: &Path) -> Result<Maps> {
    let reading = || format!("reading the maps of the user namespace {}", path.display());
    let namespace = File::open(path).with_context(reading)?;
    let (mut uids, mut gids) = (Vec::new(), Vec::new());
    hold(
        || setns(&namespace, CloneFlags::CLONE_NEWUSER),
        |pid| {
            (uids, gids) = maps_of(&pid.to_string())?;
            Ok(())
        },
    )
    .with_context(reading)?;
    Ok(Maps {
        uids,
        gids,
        auto: false,
    })
}

/// The maps of users and of groups that a process lives by.
pub(super) fn maps_of(process: &str) -> Result<(Vec<IdMap>, Vec<IdMap>)> {
    Ok((map_of(process, "uid_map")?, map_of(process, "gid_map")?))
}

/// Makes a network namespace that belongs to a user namespace, and binds it to the file.
pub fn make_network(path: &Path, user_namespace: &Path) -> Result<()> {
    let owner = File::open(user_namespace)
        .with_context(|| format!("opening {}", user_namespace.display()))?;
    hold(
        || {
            setns(&owner, CloneFlags::CLONE_NEWUSER)?;
            unshare(CloneFlags::CLONE_NEWNET)
        },
        |pid| bind(pid, "net", path),
    )
    .with_context(|| format!("making the network namespace {}", path.display()))
}

/// Lets go of a namespace. One that is not there is no error.
pub fn remove(path: &Path) -> Result<()> {
    let removed = unmount(path).and_then(|()| remove_if_there(path));
    removed.with_context(|| format!("removing the user namespace {}", path.display()))
}

/// A child goes where the namespaces are, and stays there while the parent takes hold of them.
fn hold(go: impl FnOnce() -> nix::Result<()>, take: impl FnOnce(Pid) -> Result<()>) -> Result<()> {
    let (mut ours, mut theirs) = UnixStream::pair().context("making a pipe")?;
    // SAFETY: rpod has one thread, so the child may do whatever its parent could.
    match unsafe { fork() }.context("forking")? {
        ForkResult::Child => {
            drop(ours);
            let code = match go() {
                Ok(()) => 0,
                Err(errno) => errno as i32,
            };
            // The wait ends with the parent's end of the pipe.
            let told = theirs.write_all(&code.to_ne_bytes());
            let _ = told.and_then(|()| theirs.read(&mut [0]));
            // SAFETY: ends this process without running what its parent has registered for its own end.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            drop(theirs);
            let mut code = [0; 4];
            let heard = ours.read_exact(&mut code).context("hearing of a child");
            let taken = heard.and_then(|()| match i32::from_ne_bytes(code) {
                0 => take(child),
                code => bail!(Errno::from_raw(code)),
            });
            drop(ours);
            waitpid(child, None).context("waiting for a child")?;
            taken
        }
    }
}

fn bind(pid: Pid, kind: &str, path: &Path) -> Result<()> {
    let binding = || format!("binding {}", path.display());
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory).with_context(binding)?;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .with_context(binding)?;
    let from = format!("/proc/{pid}/ns/{kind}");
    mount(
        Some(from.as_str()),
        path,
        None::<&str>,
        MsFlags::MS_BIND,
        None::<&str>,
    )
    .with_context(binding)
}

/// The kernel takes no line that goes over the end of one of its own namespace's.
fn cut(maps: &[IdMap], around: &[(u32, u32)]) -> Vec<IdMap> {
    let mut pieces = Vec::new();
    for map in maps {
        let mut rest = *map;
        while rest.size > 0 {
            let run = around
                .iter()
                .find(|(first, size)| rest.outside >= *first && rest.outside - first < *size);
            let piece = match run {
                Some((first, size)) => rest.size.min(size - (rest.outside - first)),
                None => rest.size,
            };
            pieces.push(IdMap {
                size: piece,
                ..rest
            });
            rest.inside += piece;
            rest.outside += piece;
            rest.size -= piece;
        }
    }
    pieces
}

fn write_map(pid: Pid, kind: &str, maps: &[IdMap]) -> Result<()> {
    let path = format!("/proc/{pid}/{kind}");
    let around = map_of("self", kind)?;
    let lines = cut(
        maps,
        &around
            .iter()
            .map(|map| (map.inside, map.size))
            .collect::<Vec<_>>(),
    );
    let lines = lines
        .iter()
        .map(|m| format!("{} {} {}\n", m.inside, m.outside, m.size));
    let text: String = lines.collect();
    let written = OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| {
        format!(
            "writing {:?} to {path}: are all these ids yours?",
            text.trim_end()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_those_around_end() {
        let map = |inside, outside, size| IdMap {
            inside,
            outside,
            size,
        };
        let around = [(0, 1), (1, 65536)];
        assert_eq!(
            cut(&[map(0, 0, 1000), map(5000, 7, 3)], &around),
            [map(0, 0, 1), map(1, 1, 999), map(5000, 7, 3)]
        );
        // What is nobody's is the kernel's to refuse.
        assert_eq!(cut(&[map(0, 70000, 5)], &around), [map(0, 70000, 5)]);
        assert_eq!(
            cut(&[map(0, 65530, 10)], &around),
            [map(0, 65530, 7), map(7, 65537, 3)]
        );
    }
}
