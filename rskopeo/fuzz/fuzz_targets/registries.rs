//! registries.conf, registries.d and authentication files.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rskopeo::fuzzing::registries(bytes));
