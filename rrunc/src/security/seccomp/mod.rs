//! `linux.seccomp`: compiled to a filter before the container's process is born, loaded by it.

mod arch;
mod cache;
mod compile;
mod listener;
mod profile;
mod rules;
mod syscalls;
#[cfg(test)]
mod tests;

pub(crate) use arch::names as architectures;
pub(crate) use cache::Cache;
pub(crate) use listener::Listener;
pub(crate) use profile::Profile;
#[cfg(test)]
pub(crate) use profile::{Arg, Syscall};

use nix::errno::Errno;
use profile::Action;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::Path;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("linux.seccomp: unknown architecture {0:?}")]
    Architecture(String),
    #[error("linux.seccomp: unknown action {0:?}")]
    Action(String),
    #[error("linux.seccomp: unknown operator {0:?}")]
    Operator(String),
    #[error("linux.seccomp: argument index {0} is out of range, a call has arguments 0 to 5")]
    ArgumentIndex(u32),
    #[error("linux.seccomp: unknown flag {0:?}")]
    Flag(String),
    #[error(
        "linux.seccomp: SCMP_ACT_NOTIFY cannot be used {0}: the container's process could not report its listener"
    )]
    NotifyForbidden(&'static str),
    #[error("linux.seccomp: SCMP_ACT_NOTIFY needs listenerPath")]
    NoListener,
    #[error("linux.seccomp: the filter has {0} instructions, the kernel takes 4096 at most")]
    TooLong(usize),
    #[error("load the seccomp filter: {0}")]
    Load(Errno),
    #[error("failed to connect with seccomp agent specified in the seccomp profile: {}", path.display())]
    Listener {
        path: std::path::PathBuf,
        source: std::io::Error,
    },
}

type Program = Vec<libc::sock_filter>;

/// A filter ready to load.
pub(crate) struct Filter {
    program: Program,
    flags: libc::c_ulong,
    /// Where the notification descriptor goes, when an action is SCMP_ACT_NOTIFY.
    pub(crate) listener: Option<Listener>,
}

impl Filter {
    /// Checks and compiles a profile, or takes what came of it before; `receiver` is the agent where the profile names none.
    pub(crate) fn prepare(
        profile: &Profile,
        receiver: Option<&Path>,
        cache: &Cache,
    ) -> Result<Filter, Error> {
        Filter::new(profile, receiver, |compile| cache.get(profile, compile))
    }

    fn new(
        profile: &Profile,
        receiver: Option<&Path>,
        through: impl FnOnce(&dyn Fn() -> Result<Program, Error>) -> Result<Program, Error>,
    ) -> Result<Filter, Error> {
        let notifies = notifies(profile)?;
        let agent = profile.listener_path.as_deref();
        let listener = match (agent.or(receiver.filter(|_| notifies)), notifies) {
            (Some(path), true) => Some(Listener {
                path: path.to_owned(),
                metadata: profile.listener_metadata.clone().unwrap_or_default(),
            }),
            (None, false) => None,
            (None, true) => return Err(Error::NoListener),
            // As runc has it: an engine may give the agent to every container.
            (Some(_), false) => None,
        };
        let mut flags = flags(profile.flags.as_deref())?;
        if notifies {
            flags |= libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
        }
        let compile = || compile::compile(profile, &arch::resolve(&profile.architectures)?);
        let program = through(&compile)?;
        Ok(Filter {
            program,
            flags,
            listener,
        })
    }

    /// As they are handed to seccomp(2).
    pub(crate) fn flags(&self) -> libc::c_ulong {
        self.flags
    }

    /// Loads the filter into the calling thread; it stays across execve(2). Without no_new_privs
    /// this needs CAP_SYS_ADMIN, so it comes before the capabilities are dropped then, and after
    /// everything else where no_new_privs is set. Allocates nothing.
    ///
    /// Returns the notification descriptor of a filter with a listener.
    pub(crate) fn load(&self) -> Result<Option<OwnedFd>, Error> {
        let program = libc::sock_fprog {
            len: self.program.len() as libc::c_ushort,
            filter: self.program.as_ptr().cast_mut(),
        };
        // SAFETY: the kernel copies the program, which outlives the call, and changes nothing of it.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                self.flags,
                &raw const program,
            )
        };
        let fd = Errno::result(fd).map_err(Error::Load)?;
        if self.listener.is_none() {
            return Ok(None);
        }
        // SAFETY: with NEW_LISTENER the call returns a descriptor that is ours alone.
        Ok(Some(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
    }
}

/// Whether an action hands calls to a listener. write(2) and the default may not: the process
/// reports its listener's descriptor with write(2) after the filter is in force.
fn notifies(profile: &Profile) -> Result<bool, Error> {
    if Action::parse(&profile.default_action, None)? == Action::NOTIFY {
        return Err(Error::NotifyForbidden("as default action"));
    }
    let mut notifies = false;
    for call in &profile.syscalls {
        if Action::parse(&call.action, call.errno_ret)? == Action::NOTIFY {
            if call.names.iter().any(|name| name == "write") {
                return Err(Error::NotifyForbidden("for the write syscall"));
            }
            notifies = true;
        }
    }
    Ok(notifies)
}

/// Flags of seccomp(2). TSYNC says nothing to a process of one thread.
fn flags(names: Option<&[String]>) -> Result<libc::c_ulong, Error> {
    let Some(names) = names else {
        return Ok(libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW);
    };
    names.iter().try_fold(0, |flags, name| match name.as_str() {
        "SECCOMP_FILTER_FLAG_TSYNC" => Ok(flags),
        "SECCOMP_FILTER_FLAG_LOG" => Ok(flags | libc::SECCOMP_FILTER_FLAG_LOG),
        "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => Ok(flags | libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW),
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" => {
            Ok(flags | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
        }
        _ => Err(Error::Flag(name.clone())),
    })
}
