//! The proof of the architecture: one story, and every part of the stack played by ours and by theirs in turn.

mod engine;
mod pod;
mod runtime;
mod watch;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut trials = pod::matrix();
    trials.extend(engine::under_podman());
    trials.extend(runtime::under_engines());
    tests::run(trials)
}
