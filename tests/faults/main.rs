//! What is left when something breaks in the middle: nothing that looks whole, and nothing that the next command cannot clean up.

mod copy;
mod engine;

use std::process::ExitCode;

fn main() -> ExitCode {
    tests::run(tests::trials![
        copy::a_corrupt_blob_is_refused,
        copy::a_truncated_blob_is_refused,
        copy::a_killed_copy_leaves_nothing_that_looks_whole,
        engine::a_killed_run_is_cleaned_up,
        engine::a_killed_pull_is_taken_up_again,
        engine::a_killed_monitor_is_seen,
    ])
}
