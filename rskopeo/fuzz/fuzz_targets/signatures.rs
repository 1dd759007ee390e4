//! Kept signatures, what they say, keys and log entries.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rskopeo::fuzzing::signatures(bytes));
