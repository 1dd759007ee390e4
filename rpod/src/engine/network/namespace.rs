//! Network namespaces that are kept by a file, as `ip netns` keeps them.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

use crate::engine::container::overlay::unmount;
use crate::engine::{Context, rootless};
use crate::store::directory::remove_if_there;

const OWN: &str = "/proc/self/ns/net";

pub fn path(ctx: &Context, container: &str) -> PathBuf {
    ctx.store.runroot.join("netns").join(container)
}

/// Makes a network namespace and binds it to the file.
pub fn make(path: &Path) -> Result<()> {
    let making = || format!("making the network namespace {}", path.display());
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory).with_context(making)?;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .with_context(making)?;
    let bind = || {
        unshare(CloneFlags::CLONE_NEWNET)?;
        let flags = MsFlags::MS_BIND;
        mount(Some(OWN), path, None::<&str>, flags, None::<&str>)?;
        Ok(String::new())
    };
    if rootless() {
        return aside(bind).map(drop).with_context(making);
    }
    // rpod has one thread, which goes there and comes back.
    let before = File::open(OWN).with_context(making)?;
    let bound = bind();
    setns(&before, CloneFlags::CLONE_NEWNET).context("coming back from a new network namespace")?;
    bound.map(drop).with_context(making)
}

/// What is to be read in a network namespace.
pub fn within(path: &Path, act: impl FnOnce() -> Result<String>) -> Result<String> {
    let there = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    aside(|| {
        setns(&there, CloneFlags::CLONE_NEWNET)?;
        act()
    })
    .with_context(|| format!("in the network namespace {}", path.display()))
}

/// Does it in a process of its own: an ordinary user's cannot come back to the host's network.
fn aside(act: impl FnOnce() -> Result<String>) -> Result<String> {
    let (mut ours, mut theirs) = UnixStream::pair().context("making a pipe")?;
    // SAFETY: rpod has one thread, so the child may do whatever its parent could.
    match unsafe { fork() }.context("forking")? {
        ForkResult::Child => {
            drop(ours);
            let (mark, text) = match act() {
                Ok(text) => ('+', text),
                Err(error) => ('-', format!("{error:#}")),
            };
            let told = theirs.write_all(format!("{mark}{text}").as_bytes());
            // SAFETY: ends this process without running what its parent has registered for its own end.
            unsafe { libc::_exit(told.is_err().into()) }
        }
        ForkResult::Parent { child } => {
            drop(theirs);
            let mut said = String::new();
            let heard = ours.read_to_string(&mut said);
            waitpid(child, None).context("waiting for a child")?;
            heard.context("hearing of a child")?;
            match said.split_at_checked(1) {
                Some(("+", text)) => Ok(text.to_owned()),
                Some(("-", text)) => bail!("{text}"),
                _ => bail!("the child was killed"),
            }
        }
    }
}

/// Lets go of a namespace. One that is not there is no error.
pub fn remove(path: &Path) -> Result<()> {
    let removed = unmount(path).and_then(|()| remove_if_there(path));
    removed.with_context(|| format!("removing the network namespace {}", path.display()))
}
