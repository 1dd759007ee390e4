//! What podman's store keeps of an archive.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rskopeo::fuzzing::tar_split(bytes));
