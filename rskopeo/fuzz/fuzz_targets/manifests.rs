//! Manifests, indexes, configs, and what schema 1 carries in itself.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rskopeo::fuzzing::manifests(bytes));
