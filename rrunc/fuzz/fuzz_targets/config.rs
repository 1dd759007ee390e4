//! config.json, and all that is checked of it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rrunc_fuzzing::config(bytes));
