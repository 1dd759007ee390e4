//! What is left of a container: its exit code in files, then the exit command.
#![expect(
    unsafe_code,
    reason = "close_range over descriptors that callers passed on"
)]

use std::ffi::CString;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::process::exit;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::SigSet;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, execv};

use crate::child::{exit_code, fork_here};
use crate::files::{Durability, write_whole};
use crate::oom::ScoreAdjust;
use crate::settings::Settings;

/// Writes the code to `PERSIST_DIR/exit`, then to `EXIT_DIR/CID`: whoever sees
/// the second finds the first.
pub(crate) fn record(settings: &Settings, code: i32) -> Result<()> {
    let text = code.to_string();
    if let Some(directory) = settings.persist_dir() {
        write_whole(&directory.join("exit"), text.as_bytes(), Durability::Synced)?;
    }
    if let Some(directory) = &settings.options.exit_dir {
        write_whole(
            &directory.join(&settings.cid),
            text.as_bytes(),
            Durability::Synced,
        )?;
    }
    Ok(())
}

/// Closes all descriptors above standard error but `keep`. The caller may have
/// passed some on only to hold them, such as a published port's socket: they
/// must be free again before anyone hears of the exit.
pub(crate) fn close_all_but(keep: Option<RawFd>) {
    let keep = keep.and_then(|fd| u32::try_from(fd).ok());
    match keep {
        Some(keep) => {
            close_range(3, keep - 1);
            close_range(keep + 1, u32::MAX);
        }
        None => close_range(3, u32::MAX),
    }
}

fn close_range(first: u32, last: u32) {
    if first <= last {
        // SAFETY: nothing of ours that is still used is open in the range; see
        // the callers. Failure leaves descriptors open, as without the call.
        unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    }
}

/// Runs the exit command and waits for it and for all that the runtime left.
/// Returns the command's exit code, 0 if there is no command.
pub(crate) fn run_command(settings: &Settings, score: &ScoreAdjust) -> Result<i32> {
    let Some(command) = &settings.options.exit_command else {
        return Ok(0);
    };
    close_all_but(None);
    // What the command leaves behind is for init, not for us to wait for.
    set_child_subreaper(false).context("cannot give up being a subreaper")?;
    match fork_here()? {
        ForkResult::Parent { child } => {
            let mut code = 0;
            loop {
                match waitpid(None, None) {
                    Ok(status) => {
                        if let Some((pid, status)) = exit_code(status)
                            && pid == child
                        {
                            code = status;
                        }
                    }
                    Err(Errno::EINTR) => {}
                    Err(_) => return Ok(code),
                }
            }
        }
        ForkResult::Child => {
            let mut line = vec![CString::new(command.as_os_str().as_bytes())?];
            for arg in &settings.options.exit_command_args {
                line.push(CString::new(arg.as_bytes())?);
            }
            let delay = settings.options.exit_delay.unwrap_or(0).unsigned_abs();
            std::thread::sleep(Duration::from_secs(delay.into()));
            score.restore();
            // Errors have nobody to hear them but the exit code.
            if SigSet::empty().thread_set_mask().is_ok() {
                let Err(_) = execv(&line[0], &line);
            }
            exit(1);
        }
    }
}
