//! Something happens to a process at one of its system calls: it is killed before the call, or the call fails.
//!
//! By ptrace(2), so that each call is hit exactly and the program needs no points to be hit at.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use tests::{Context as _, Result, bail};

/// Whose calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whom {
    /// The command itself.
    Command,
    /// The first process that it forks.
    Child,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blow {
    Kill,
    /// The call is not made and answers EIO.
    Fail,
    /// As [`Blow::Kill`], but only calls that change what outlives the process are counted: between two of them it does not matter
    /// when it dies.
    KillAtChange,
    /// As [`Blow::Fail`], with ENOSPC and only at calls that need room on a disk.
    NoSpace,
}

impl Blow {
    fn is_deadly(self) -> bool {
        matches!(self, Blow::Kill | Blow::KillAtChange)
    }

    /// What the struck call answers.
    fn error(self) -> i32 {
        if self == Blow::NoSpace {
            libc::ENOSPC
        } else {
            libc::EIO
        }
    }
}

/// How a command ended that was struck, or got away.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The number of the call that was hit; none if there were not so many.
    pub(crate) hit: Option<u64>,
    /// 128 + signal for a killed command.
    pub(crate) code: i32,
    /// What it said to standard error.
    pub(crate) said: String,
}

/// Calls that cannot fail in a way a program could do something about.
const NEVER_FAIL: [i64; 18] = [
    libc::SYS_close,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_poll,
    libc::SYS_umask,
    libc::SYS_set_tid_address,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Calls that need room on a disk; those of an open file count where it is a file of a disk.
const NEED_ROOM: [i64; 13] = [
    libc::SYS_mkdir,
    libc::SYS_mkdirat,
    libc::SYS_symlink,
    libc::SYS_symlinkat,
    libc::SYS_link,
    libc::SYS_linkat,
    libc::SYS_rename,
    libc::SYS_renameat2,
    libc::SYS_mknodat,
    libc::SYS_setxattr,
    libc::SYS_fsetxattr,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
];

const WRITES: [i64; 5] = [
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_fallocate,
    libc::SYS_copy_file_range,
];

/// What else outlives the process that calls.
const CHANGES: [i64; 16] = [
    libc::SYS_unlink,
    libc::SYS_unlinkat,
    libc::SYS_rmdir,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_kill,
    libc::SYS_pidfd_send_signal,
    libc::SYS_fchmodat,
    libc::SYS_fchownat,
    libc::SYS_ftruncate,
];

/// Runs the command to its end and strikes at the `nth` call, counted from 0. What it leaves running runs on.
pub(crate) fn strike(mut command: Command, whom: Whom, blow: Blow, nth: usize) -> Result<Outcome> {
    let mut said = File::from(memfd_create(c"said", MFdFlags::MFD_CLOEXEC)?);
    let stderr = said.try_clone()?;
    // A thread's end lets go of all that it traces.
    let traced = thread::spawn(move || {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr);
        // SAFETY: one system call between fork and exec.
        unsafe { command.pre_exec(|| ptrace::traceme().map_err(Into::into)) };
        let child = command
            .spawn()
            .context("starting the command to be struck")?;
        let main = Pid::from_raw(child.id().cast_signed());
        Striker {
            main,
            whom,
            blow,
            left: nth,
            victim: (whom == Whom::Command).then_some(main),
            hit: None,
            inside: HashSet::new(),
            failing: false,
        }
        .run()
    });
    let ended = traced.join();
    let mut outcome = ended.unwrap_or_else(|_| bail!("the tracer has panicked"))?;
    said.rewind()?;
    said.read_to_string(&mut outcome.said)?;
    Ok(outcome)
}

struct Striker {
    main: Pid,
    whom: Whom,
    blow: Blow,
    /// Calls until the blow.
    left: usize,
    victim: Option<Pid>,
    hit: Option<u64>,
    /// Who is between the beginning and the end of a call.
    inside: HashSet<Pid>,
    /// The victim's call is one that was not made.
    failing: bool,
}

impl Striker {
    fn run(mut self) -> Result<Outcome> {
        waitpid(self.main, Some(WaitPidFlag::__WALL))?;
        let mut options = Options::PTRACE_O_TRACESYSGOOD;
        if self.whom == Whom::Child {
            options |= Options::PTRACE_O_TRACEFORK
                | Options::PTRACE_O_TRACECLONE
                | Options::PTRACE_O_TRACEVFORK;
        }
        ptrace::setoptions(self.main, options)?;
        go_on(self.main, None);
        loop {
            // Of this thread's processes: other tests have theirs.
            let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
            match waitpid(None, Some(flags))? {
                WaitStatus::Exited(pid, code) if pid == self.main => {
                    return Ok(self.outcome(code));
                }
                WaitStatus::Signaled(pid, signal, _) if pid == self.main => {
                    return Ok(self.outcome(128 + signal as i32));
                }
                WaitStatus::PtraceSyscall(pid) => self.at_call(pid)?,
                WaitStatus::PtraceEvent(pid, _, _) => {
                    if let (None, Ok(child)) = (self.victim, ptrace::getevent(pid)) {
                        self.victim = Some(Pid::from_raw(child as i32));
                    }
                    go_on(pid, None);
                }
                // The first stop of a process, and that of an execve.
                WaitStatus::Stopped(pid, Signal::SIGSTOP | Signal::SIGTRAP) => go_on(pid, None),
                // What aborts ends by a fault of its own making. The kernel keeps a traced init from that, which then faults for ever.
                WaitStatus::Stopped(pid, Signal::SIGSEGV) => kill(pid, Signal::SIGKILL)?,
                WaitStatus::Stopped(pid, signal) => go_on(pid, Some(signal)),
                _ => {}
            }
        }
    }

    fn outcome(&self, code: i32) -> Outcome {
        Outcome {
            hit: self.hit,
            code,
            said: String::new(),
        }
    }

    fn at_call(&mut self, pid: Pid) -> Result<()> {
        let begins = !self.inside.remove(&pid);
        if begins {
            self.inside.insert(pid);
        }
        if Some(pid) == self.victim && self.hit.is_none() && begins {
            let number = call_of(pid)?;
            let counts = self.counts(pid, number.cast_signed())?;
            match (counts, self.left) {
                (true, 0) => {
                    self.hit = Some(number);
                    if self.blow.is_deadly() {
                        return Ok(kill(pid, Signal::SIGKILL)?);
                    }
                    self.failing = true;
                    set_call(pid, None)?;
                }
                (true, _) => self.left -= 1,
                (false, _) => {}
            }
        } else if Some(pid) == self.victim && self.failing && !begins {
            self.failing = false;
            set_call(pid, Some(-i64::from(self.blow.error())))?;
        }
        go_on(pid, None);
        Ok(())
    }
}

impl Striker {
    /// Whether the call that begins is one of those that can be struck.
    fn counts(&self, pid: Pid, number: i64) -> Result<bool> {
        Ok(match self.blow {
            Blow::Kill => true,
            Blow::Fail => !NEVER_FAIL.contains(&number),
            Blow::NoSpace => needs_room(pid, number)?,
            Blow::KillAtChange => CHANGES.contains(&number) || needs_room(pid, number)?,
        })
    }
}

fn needs_room(pid: Pid, number: i64) -> Result<bool> {
    let registers = ptrace::getregs(pid)?;
    if number == libc::SYS_openat {
        return Ok(registers.rdx & libc::O_CREAT as u64 != 0);
    }
    if WRITES.contains(&number) {
        let file = std::fs::read_link(format!("/proc/{pid}/fd/{}", registers.rdi));
        let others = ["/proc/", "/sys/", "/dev/", "/memfd:"];
        return Ok(file.is_ok_and(|file| {
            file.is_absolute() && !others.iter().any(|other| file.starts_with(other))
        }));
    }
    Ok(NEED_ROOM.contains(&number))
}

/// It may have been killed since.
fn go_on(pid: Pid, signal: Option<Signal>) {
    ptrace::syscall(pid, signal).ok();
}

fn call_of(pid: Pid) -> Result<u64> {
    Ok(ptrace::getregs(pid)?.orig_rax)
}

/// Makes the call that begins none at all, or the one that ends have this result.
fn set_call(pid: Pid, result: Option<i64>) -> Result<()> {
    let mut registers = ptrace::getregs(pid)?;
    match result {
        None => registers.orig_rax = u64::MAX,
        Some(result) => registers.rax = result.cast_unsigned(),
    }
    Ok(ptrace::setregs(pid, registers)?)
}
