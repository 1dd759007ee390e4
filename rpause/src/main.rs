//! The infra process of a pod, and a minimal init.
//!
//! `rpause` with no arguments or with `-P` holds namespaces open: it sleeps in
//! one system call until SIGTERM or SIGINT, and never wakes for anything else.
//! `rpause [-g] [--] PROG [ARG…]` runs PROG as a child, passes signals on,
//! reaps orphans and ends with PROG's own exit code.
//!
//! Release builds (`panic = "abort"`) have neither libc nor the standard
//! library. Profiles that unwind link std, only so that tests can run.
#![cfg_attr(all(panic = "abort", not(test)), no_std, no_main)]

mod args;
mod init;
mod pause;
mod start;
mod sys;

#[cfg(not(all(panic = "abort", not(test))))]
use start::main;

use args::Command;

const USAGE: &[u8] = b"usage: rpause [-P]\n       rpause [-g] [--] PROG [ARG...]\n\
  -P  hold namespaces open until SIGTERM or SIGINT (the default without PROG)\n\
  -g  pass signals to PROG's whole process group\n\
  -V  print the version\n  -L  print the licence\n  -h  print this help\n";
const VERSION: &[u8] = concat!("rpause ", env!("CARGO_PKG_VERSION"), "\n").as_bytes();
const LICENSE: &[u8] = b"Apache-2.0\n";

/// Runs the command line and returns the exit code.
fn run(argv: sys::Strings, envp: sys::Strings) -> i32 {
    match args::parse(argv) {
        Ok(Command::Pause) => pause::pause(),
        Ok(Command::Init(program)) => init::supervise(program, envp),
        Ok(Command::Help) => print(USAGE),
        Ok(Command::Version) => print(VERSION),
        Ok(Command::License) => print(LICENSE),
        Err(unknown) => {
            sys::complain(&[b"unknown option ", unknown, b"; see rpause -h"]);
            1
        }
    }
}

fn print(text: &[u8]) -> i32 {
    if sys::write(sys::STDOUT, text) { 0 } else { 1 }
}
