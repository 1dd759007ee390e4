//! Keys, and keys wrapped for them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rskopeo::fuzzing::encryption(bytes));
