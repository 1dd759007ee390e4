//! Init for one program: forward signals, reap, end with its exit code.

use core::mem::MaybeUninit;

use crate::args::Program;
use crate::bytes;
use crate::strings::Strings;
use crate::sys::{self, Fork, signal};

/// Longest path that is tried, with its NUL.
const PATH_MAX: usize = 4096;
const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs `program` and returns its exit code, 128+n if signal n ended it, or 1
/// if it could not be started.
pub(crate) fn supervise(program: Program, envp: Strings) -> i32 {
    let Ok(before) = sys::block(signal::ALL) else {
        sys::complain(&[b"cannot block signals"]);
        return 1;
    };
    match sys::fork() {
        Ok(Fork::Child) => become_program(program, envp, before),
        Ok(Fork::Parent(child)) => watch(child, program.group),
        Err(_) => {
            sys::complain(&[b"cannot fork"]);
            1
        }
    }
}

fn watch(child: i32, group: bool) -> i32 {
    let target = if group { -child } else { child };
    loop {
        match sys::wait_signal(signal::ALL) {
            Ok(signal::CHLD) => {
                if let Some(code) = reap(child) {
                    return code;
                }
            }
            // A child that has gone is told by SIGCHLD, which comes next.
            Ok(number) => sys::kill(target, number),
            Err(_) => {}
        }
    }
}

/// Reaps all that has ended; the exit code if `child` is among them.
fn reap(child: i32) -> Option<i32> {
    let mut code = None;
    while let Some((pid, status)) = sys::reap_one() {
        if pid == child {
            let killed_by = status & 0x7f;
            code = Some(match killed_by {
                0 => (status >> 8) & 0xff,
                number => 128 + number,
            });
        }
    }
    code
}

/// In the child: own process group, the terminal if there is one, exec.
fn become_program(program: Program, envp: Strings, mask: u64) -> i32 {
    sys::own_process_group();
    if sys::unblock_to(mask).is_ok() {
        exec_on_path(program.argv, envp);
    }
    let name = program.argv.first().unwrap_or(b"");
    sys::complain(&[b"cannot run ", name, b": not found or not executable"]);
    1
}

/// Returns only if nothing could be executed.
fn exec_on_path(argv: Strings, envp: Strings) {
    let Some(name) = argv.first() else { return };
    if name.contains(&b'/') {
        exec(&[], name, argv, envp);
        return;
    }
    let search = envp.value_of(b"PATH").unwrap_or(DEFAULT_PATH);
    for directory in search.split(|byte| *byte == b':') {
        exec(directory, name, argv, envp);
    }
}

/// Returns if that is no program, or its path is too long to be one's.
fn exec(directory: &[u8], name: &[u8], argv: Strings, envp: Strings) {
    if directory.len() + name.len() + 2 > PATH_MAX {
        return;
    }
    let mut path = MaybeUninit::<[u8; PATH_MAX]>::uninit();
    let start = path.as_mut_ptr().cast::<u8>();
    let mut length = 0;
    let mut push = |byte| {
        // SAFETY: directory, slash, name and NUL have room, as was asked above.
        unsafe { bytes::put(start, length, byte) };
        length += 1;
    };
    directory.iter().for_each(|byte| push(*byte));
    if !directory.is_empty() {
        push(b'/');
    }
    name.iter().for_each(|byte| push(*byte));
    push(0);
    // SAFETY: a NUL was written last.
    unsafe { sys::exec(start, argv, envp) };
}
