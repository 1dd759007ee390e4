//! The command line, words parted by NUL bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rconmon_fuzzing::arguments(bytes));
