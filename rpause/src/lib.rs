//! What rpause does, apart from how it is entered: see `main.rs`.
//!
//! A library so that its tests link: the program itself is linked without the
//! C runtime that a test needs.
#![cfg_attr(all(panic = "abort", not(test)), no_std)]

mod args;
mod bytes;
mod init;
mod pause;
mod strings;
mod sys;

pub use strings::Strings;
#[cfg(all(panic = "abort", not(test)))]
pub use sys::exit;

use args::Command;

const USAGE: &[u8] = b"\
usage: rpause [-P]
       rpause [-g] [--] PROG [ARG...]
  -P  hold namespaces open until SIGTERM or SIGINT (the default without PROG)
  -g  pass signals to PROG's whole process group
  -V  print the version
  -L  print the licence
  -h  print this help
";
/// In tini's form: that is what engines ask an init for.
const VERSION: &[u8] = concat!("tini version ", env!("CARGO_PKG_VERSION"), "_rpause\n").as_bytes();
const LICENSE: &[u8] = b"Apache-2.0\n";

/// Runs the command line and returns the exit code.
pub fn run(argv: Strings, envp: Strings) -> i32 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_man_page_and_the_usage_have_the_same_options() {
        let page = include_str!("../man/rpause.1");
        let in_page = page.lines().filter_map(|line| line.strip_prefix("\\fB\\-"));
        let mut in_page: Vec<char> = in_page.filter_map(|rest| rest.chars().next()).collect();
        let usage = str::from_utf8(USAGE).unwrap_or_default();
        let in_usage = usage.lines().filter_map(|line| line.strip_prefix("  -"));
        let mut in_usage: Vec<char> = in_usage.filter_map(|rest| rest.chars().next()).collect();
        in_page.sort_unstable();
        in_usage.sort_unstable();
        assert_eq!(in_page, in_usage);
        assert_eq!(in_page.len(), 5);
    }
}
