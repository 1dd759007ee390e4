//! One test: passed, failed, or skipped for a reason.

use std::fmt;
use std::process::ExitCode;

use anyhow::Result;
pub use libtest_mimic::Trial;
use libtest_mimic::{Arguments, Completion, Failed};

use crate::programs::OURS;
use crate::scratch;

/// Names each function by its path, so that `story pod::` runs one module.
#[macro_export]
macro_rules! trials {
    ($($test:path),* $(,)?) => { vec![$($crate::trial(stringify!($test), $test)),*] };
}

/// Runs the trials that the command line asks for, as `cargo test` would.
pub fn run(trials: Vec<Trial>) -> ExitCode {
    scratch::sweep();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

pub fn trial(name: impl Into<String>, test: impl FnOnce() -> Result<()> + Send + 'static) -> Trial {
    Trial::ignorable_test(name, move || match test() {
        Ok(()) => Ok(Completion::Completed),
        Err(error) => match error.downcast_ref::<Skip>() {
            Some(skip) => Ok(Completion::ignored_with(skip)),
            None => Err(Failed::from(format!("{error:#}"))),
        },
    })
}

/// A test of what a program does, named after the two.
///
/// That a peer does so once proves what the contract is: its own races, which show when the machine is busy, are not ours to fail
/// for. Ours gets one try.
pub fn trial_on(
    program: &str,
    name: &str,
    test: impl Fn() -> Result<()> + Send + 'static,
) -> Trial {
    let more_tries = if OURS.contains(&program) { 0 } else { 2 };
    trial(format!("{program}::{name}"), move || {
        for _ in 0..more_tries {
            match test() {
                Err(error) if !error.is::<Skip>() => eprintln!("once more: {error:#}"),
                seen => return seen,
            }
        }
        test()
    })
}

/// Ends the test that returns it: this machine cannot run it, for this reason.
pub fn skip<T>(reason: impl Into<String>) -> Result<T> {
    Err(Skip(reason.into()).into())
}

#[derive(Debug)]
struct Skip(String);

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SKIP: {}", self.0)
    }
}

impl std::error::Error for Skip {}
